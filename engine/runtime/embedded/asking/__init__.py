"""What is asked by programs and in conversations."""
