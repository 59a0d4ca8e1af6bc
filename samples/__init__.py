"""Drawn screws and nuts, for people without pictures."""
