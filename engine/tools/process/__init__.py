"""Children: a process group of their own, limits, bounded output, gone when the step is."""
