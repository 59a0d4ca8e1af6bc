"""Pictures → a table of features, and what is kept of them."""
