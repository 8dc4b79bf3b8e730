"""One registry of actions: keys, help, palette and command line are made of it."""
