"""`vasini doctor`: what is in force and from where, and what stands in the way."""
