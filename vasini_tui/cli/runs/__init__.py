"""Commands on runs: start, look, steer, hand off."""
