"""What a run stands at, for whoever has to find out why."""
