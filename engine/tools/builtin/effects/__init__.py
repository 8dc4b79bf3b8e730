"""The effect of a command on a folder: looked at before it happens, then made to happen as it was seen."""
