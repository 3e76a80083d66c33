"""Losses of energies: of classes, of numbers, and with latent variables."""
