"""Between HTTP and the application: PEP 3333, and nothing of how bytes travel."""
