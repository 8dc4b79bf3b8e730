"""The journal in one SQLite file: connections, the writer thread, named statements, lists."""
