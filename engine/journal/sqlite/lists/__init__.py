"""The runs list on SQLite: a filter as ranges of an index, their pages, counts and far places."""
