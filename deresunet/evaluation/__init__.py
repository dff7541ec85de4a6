"""Metrics of predictions over a data set: scores, strata, intervals, comparisons, reports."""
