"""Handing a run off to another pack."""
