"""One run taken away whole: an archive with a digest of every file in it."""
