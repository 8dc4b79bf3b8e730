"""A throw-away workspace in which the shipped packs run on generated data."""
