"""Models: what is asked of them and how they answer, one adapter for each wire format.

Nothing here knows runs, packs or screens; a key is only ever in the headers of one request.
"""
