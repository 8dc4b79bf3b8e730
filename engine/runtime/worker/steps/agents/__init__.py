"""Steps of agents: the model is asked, the calls that it chooses are made."""
