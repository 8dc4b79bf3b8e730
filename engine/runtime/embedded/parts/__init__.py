"""Parts of the embedded engine that are put together on their own, each loaded when it is asked for first."""
