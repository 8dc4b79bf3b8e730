"""Tools that only agents have: flows that they run, agents that they hand over to."""
