"""The command line: one file per subject; parsing ends in an `Invocation`, which `__main__` performs."""
