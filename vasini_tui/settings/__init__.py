"""Settings: groups, files, where everything of an installation lives."""
