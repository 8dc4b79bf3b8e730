"""The journal: durable memory of runs, on SQLite or in memory, behind one port."""
