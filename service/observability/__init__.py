"""What the service tells of itself: one line a request, and figures."""
