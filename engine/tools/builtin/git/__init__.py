"""Reading git repositories that somebody else may have made: nothing they name is started."""
