"""Training data: reading, splitting, sampling, augmenting."""
