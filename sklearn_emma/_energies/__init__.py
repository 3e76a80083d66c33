"""Values of a mode in, potential energy out: x → Ψ."""
