"""The list of runs, its filter, and starting one."""
