"""Screens and widgets of the console: they show what the engine says and ask it for what keys mean."""
