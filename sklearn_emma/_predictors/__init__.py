"""Gated values in, logits out."""
