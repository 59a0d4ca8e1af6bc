"""What is here: backbones, weights, and what this machine can do."""
