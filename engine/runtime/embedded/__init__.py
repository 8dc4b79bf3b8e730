"""The embedded engine: answers the facade in this process, and puts the parts together."""
