"""Schemas in packs, and values held against them."""
