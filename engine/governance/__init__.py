"""What runs may do, and what of their values may be stored and shown."""
