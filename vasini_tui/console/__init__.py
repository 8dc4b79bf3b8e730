"""The console application: frames, keys in order, terminal, themes, editor."""
