"""What holds in every journal, whatever it is stored in: pure, and knows no store."""
