"""Runs as readers see them: summaries and details, requests, timelines, conversations."""
