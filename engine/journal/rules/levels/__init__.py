"""Service levels in the journal: counts of ended runs, and what is taken out of them."""
