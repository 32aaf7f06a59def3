"""A server under mixed load for as long as is wanted: does it hold more the longer it runs?

    python -m lab.soak                  minutes; SOAK_MINUTES=60 for the hour

Load and rest take turns.  What a server holds under load says little: bodies are on their way,
threads work.  So memory, descriptors and threads are counted in the rests, once all clients are
gone.
"""
