"""The facade: everything screens, command line and servers may ask of an engine, part by part."""
