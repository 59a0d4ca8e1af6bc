"""Features → a linear head, and how it does on what it was not fitted on."""
