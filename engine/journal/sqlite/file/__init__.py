"""The database file: opened, locked in turns, checked, copied."""
