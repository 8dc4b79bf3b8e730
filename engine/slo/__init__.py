"""Service levels: arithmetic over counted runs. Pure: no clock, no storage."""
