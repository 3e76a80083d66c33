"""Weighted statistics of columns."""
