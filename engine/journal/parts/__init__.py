"""The storage port by part: what is asked of a journal by who writes, works, pays, reads and lists."""
