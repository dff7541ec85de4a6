"""What only the application knows of its requests: faults in words, headers, origins, waiting jobs, health, memory."""
