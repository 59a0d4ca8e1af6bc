"""What every request passes before it is anybody's."""
