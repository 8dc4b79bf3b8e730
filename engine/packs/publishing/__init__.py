"""Publishing a version: its signature and the keys that may sign."""
