"""Tools: the registry, the executor that is their only door, and the back ends behind it."""
