"""Money and service levels as data."""
