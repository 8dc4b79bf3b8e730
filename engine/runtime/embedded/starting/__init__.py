"""Starting runs: what is checked before one exists, and starting one again."""
