"""Runs of other packs that take over from a run."""
