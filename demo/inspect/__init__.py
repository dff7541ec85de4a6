"""The Inspect tab: one frame, its prediction, its ground truth, and the metrics."""
