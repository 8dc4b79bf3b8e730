"""The run machine: pure functions, no clock, no randomness, no I/O."""
