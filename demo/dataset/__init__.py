"""The Data set tab: evaluation of a split."""
