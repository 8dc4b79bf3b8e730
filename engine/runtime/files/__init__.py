"""A run's folder: safe names and whole writes."""
