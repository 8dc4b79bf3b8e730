"""How long tests wait for what has to happen, in seconds: long enough for the busiest machine."""

PATIENCE = 60.0
