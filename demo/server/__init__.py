"""Layers between the network and the page: proxies, headers, logins, slow connections, waiting jobs, health."""
