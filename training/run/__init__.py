"""A run, from a folder of pictures to a bundle in the store: `story` tells it, top to bottom."""
