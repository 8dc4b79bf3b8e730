"""Interrupted calls whose outcome nobody knows: a list of them, and what a person says became of each."""
