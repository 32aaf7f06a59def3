"""The second application: a basic web framework of our own, and a small app on it."""
