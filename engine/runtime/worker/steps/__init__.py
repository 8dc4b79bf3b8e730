"""What a worker does for a step: render it, call its tool, start its child, build the output."""
