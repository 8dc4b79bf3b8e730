"""The console and its terminal: frames it has shown, keys in order, answers that are no keys."""
