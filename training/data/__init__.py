"""A folder → examples in parts. No torch, no network."""
