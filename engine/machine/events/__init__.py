"""Events of a run, and the state that folding them gives."""
