"""`lab advise`: how many processes and threads an application needs, from what its requests do.

stack, served   the stack that is up, and the application of its server
observing       what became of requests, from the spans that the console holds
driving         requests of our own, one at a time, and what the machine made each wait for
judging         for each path: how much is CPU, how much is waiting, or why nobody can tell
sizing          processes and threads for that, by arithmetic alone
commands        the same as command lines of paceline, gunicorn and uWSGI
comparing       which of them are measured beside the default, or why none
trying, latency the measuring, of as many requests as can be and of the same rate for all
showing, cli    all of it for people
"""
