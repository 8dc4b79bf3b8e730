"""What steps ask of people: approvals and what they gate, forms, what became of interrupted calls."""
