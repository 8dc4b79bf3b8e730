"""What works runs: claims, leases, the runs a worker holds, and how they end."""
