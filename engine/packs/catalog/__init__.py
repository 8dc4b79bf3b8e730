"""All packs there are, what is in force of each, and how people look at them."""
