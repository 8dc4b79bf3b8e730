"""A call of a tool: judged, made, reported."""
