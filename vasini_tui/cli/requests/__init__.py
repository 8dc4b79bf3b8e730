"""Commands on what runs ask people: approvals and forms."""
