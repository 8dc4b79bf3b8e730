"""`vasini mcp`: agents that other programs run ask people here."""
