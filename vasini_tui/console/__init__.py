"""The console application: it holds the engine for its screens, and gives way to an editor."""
