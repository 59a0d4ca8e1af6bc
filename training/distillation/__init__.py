"""distill-backbone: a small backbone of one's own, taught by a large one with pictures alone."""
