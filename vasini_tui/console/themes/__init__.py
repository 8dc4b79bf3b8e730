"""How the console looks: shipped themes, the operator's own files, and whether they can be read."""
