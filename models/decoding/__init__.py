"""Bytes → pictures in processes that may be killed, and batches of them. No HTTP."""
