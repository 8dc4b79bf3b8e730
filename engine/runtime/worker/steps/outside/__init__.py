"""Agents that other programs bring: their prompt, what they ask permission for, the process they live in."""
