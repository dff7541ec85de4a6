"""Time and memory of the network on its backends, beside networks that one could take instead."""
