"""The whole network learns on, in a way that can be killed."""
