"""Packs: list, overview, flows, problems, changes, code and trust."""
