"""Minimise a criterion over samples: one module, or many at once."""
