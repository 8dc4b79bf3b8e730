"""Reading of runs from SQLite: rows, steps and requests, over the one connection that reads."""
