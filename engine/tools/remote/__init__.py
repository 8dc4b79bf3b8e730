"""Tools that are called over HTTP."""
