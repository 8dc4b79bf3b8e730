"""The timeline of a run: bars on an axis, as it is and as it was."""
