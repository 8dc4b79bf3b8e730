"""What an agent is told beside words: skills of its pack."""
