"""Packs as data: manifest and problems, versions, the composed agent."""
