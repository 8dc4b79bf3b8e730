"""Conversations as people read them: of our own agents, and of other programs."""
