"""From checked data and a plan to a fitted model."""
