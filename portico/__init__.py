"""What runs on a developer's machine and never in Lambda: the command line, the local gateway, the embedded store."""
