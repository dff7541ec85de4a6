"""Metrics of predictions over a data set, and what follows from them."""
