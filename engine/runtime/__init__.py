"""The runtime acts: it renders, calls tools, keeps timers and leases, and tells the machine."""
