"""Metrics as NumPy functions."""
