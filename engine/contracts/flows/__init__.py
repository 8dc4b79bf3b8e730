"""Flows as data: their steps, and what starts them."""
