"""The level `isolated`: what a call sees of this machine, by bubblewrap."""
