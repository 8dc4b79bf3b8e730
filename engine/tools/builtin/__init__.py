"""The built-in tools, each held to the limits of the operator."""
