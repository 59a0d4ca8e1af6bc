"""A bundle over folders, archives and buckets: `classify-images`. Imports models alone."""
