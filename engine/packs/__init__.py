"""Packs: reading, checking and looking up professions and their flows."""
