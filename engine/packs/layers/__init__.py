"""Layers of a pack put together, and procedures compiled to flows."""
