"""The log of a run: its events, found and filtered."""
