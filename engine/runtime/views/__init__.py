"""How runs are looked at: rows, details, timelines, earlier moments."""
