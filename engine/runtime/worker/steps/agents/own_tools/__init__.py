"""Tools that only agents have: tools that they find, flows that they run, agents that they hand over to."""
