"""The fitted whole: from a matrix to logits and scores."""
