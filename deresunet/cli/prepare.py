"""`python -m deresunet prepare`."""
