"""Files below a root that the operator allows: read, list, write, search, look at an image."""
