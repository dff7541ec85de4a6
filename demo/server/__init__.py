"""Requests, as only the application knows them: faults in words, headers, origins, waiting jobs, health, memory."""
