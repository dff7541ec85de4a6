"""The network, its parts, its registered layouts, and its weights on disk and on the Hub."""
