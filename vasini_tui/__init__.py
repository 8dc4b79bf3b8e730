"""The application: command line, settings, console; where settings become an engine."""
