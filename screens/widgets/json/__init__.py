"""JSON values on the screen: as a folding tree, and as text."""
