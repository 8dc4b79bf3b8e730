"""Tools of MCP servers: declared servers are started, listed and called through the tool door."""
