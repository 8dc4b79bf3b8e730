"""Plans that models propose: read, held against the tools there are, changed by people."""
