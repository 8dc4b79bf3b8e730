"""Money, service levels and isolation, as the embedded engine serves them."""
