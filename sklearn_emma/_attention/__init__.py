"""Potential energies in, attention out: Ψ → E → α → β."""
