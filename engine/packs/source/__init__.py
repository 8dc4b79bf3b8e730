"""Pack files as they are read: bounded, beneath the roots, with the place of every part."""
