"""Commands on this installation: its worker, its keys, its health."""
