"""A bundle over HTTP. Imports neither torch, nor timm, nor training."""
