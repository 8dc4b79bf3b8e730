"""How values are written on the command line, and what is made of them."""
