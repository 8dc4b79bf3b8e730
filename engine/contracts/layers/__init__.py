"""The layers of a pack as data: names, enums, patterns, lengths and defaults."""
