"""One run: timeline, log, data, files, requests."""
