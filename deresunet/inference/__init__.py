"""Frames to predictions: preprocessing, the network on a backend, postprocessing."""
