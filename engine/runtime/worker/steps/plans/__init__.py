"""Steps of plans: a model proposes one, a person decides on it, its calls are made."""
