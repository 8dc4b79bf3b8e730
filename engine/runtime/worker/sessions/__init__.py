"""One held run at work: its session, what is planned and committed, its calls, its documents."""
