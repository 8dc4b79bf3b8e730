"""Tables drawn by line: rows in memory or read by the page, and how columns share a width."""
