"""Wire formats of models' servers: how a request is written and how a streamed answer is read."""
