"""What is learned, and what it ends in."""
