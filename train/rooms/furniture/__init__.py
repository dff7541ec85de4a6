"""Furniture built here, each piece made to measure and in varied styles.

A module holds pieces of one trade; each piece is a function of a generator and a wanted size that gives a `Model`.
`library.py` knows which role each of them plays.
"""
