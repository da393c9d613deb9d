"""What the service does, knowing no HTTP: definitions, records, operations on many, imports, jobs."""
