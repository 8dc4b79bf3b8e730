"""The journal in memory: the same contract for tests and for looking back; nothing is durable."""
