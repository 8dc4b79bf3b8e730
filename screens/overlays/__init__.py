"""What lies over a screen for a moment: help, palette, texts in full, themes, leaving."""
