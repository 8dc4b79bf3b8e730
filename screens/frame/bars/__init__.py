"""The lines above and below a screen."""
