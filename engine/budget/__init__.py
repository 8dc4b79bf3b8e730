"""Money: what models cost, what they may cost, what is held for calls under way. Integers in billionths."""
