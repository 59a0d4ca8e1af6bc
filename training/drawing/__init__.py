"""Draws screws and nuts with numpy alone: solids, light, grounds, a camera. No file is touched."""
