"""`lab trace`: sends a request and shows what each hop did with it."""
