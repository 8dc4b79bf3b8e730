"""Money in the journal: holds, settlements and sums."""
