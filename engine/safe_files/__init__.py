"""Opening and writing files where somebody else may put links: step by step, whole or not at all."""
