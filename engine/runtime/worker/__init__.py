"""What works runs: claims, held runs, sessions, planning, documents."""
