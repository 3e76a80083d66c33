"""scikit-learn's contract around model and training."""
