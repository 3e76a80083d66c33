"""What the user hands over: X, y, modes, weights."""
