"""A pack's own tools: read from its code, run in a killable process."""
