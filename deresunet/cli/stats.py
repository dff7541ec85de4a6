"""`python -m deresunet stats`."""
