"""The packs in force: catalog, pins, last known good, registry, trust, watching."""
