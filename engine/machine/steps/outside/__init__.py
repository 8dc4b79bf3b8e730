"""The steps of agents that other programs bring, as the machine knows them."""
