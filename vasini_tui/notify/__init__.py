"""Telling people outside of the console: a command, a webhook, the desktop."""
