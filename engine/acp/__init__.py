"""Agents that other programs bring, spoken with in the Agent Client Protocol: bounded, and never trusted."""
