"""What can be done to runs: pause, resume, cancel, retry; one or several."""
