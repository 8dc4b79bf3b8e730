"""What a model is told: what was said and done before, skills of its pack, the tools on offer."""
