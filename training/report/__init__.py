"""What a run found, told in several ways."""
