"""Advice: how many processes and threads an application needs, from what its requests do.

observing   what became of requests, from the spans that the console holds
judging     for each path: how much is CPU, how much is waiting, or why nobody can tell
sizing      processes and threads for that, by arithmetic alone
"""
