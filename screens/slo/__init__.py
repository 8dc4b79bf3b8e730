"""Service levels: which packs keep what they promise, and one of them in full."""
