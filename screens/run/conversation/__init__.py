"""The conversation of an agent: its turns, which fold, what it says just now, and what it asks."""
