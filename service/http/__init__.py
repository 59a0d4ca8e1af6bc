"""What may be asked over HTTP, and how answers and refusals look."""
