"""Bytes → an answer. No Starlette."""
