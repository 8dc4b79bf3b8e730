"""Answers to forms, also by token, and the questions of agents elsewhere."""
