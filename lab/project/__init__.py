"""A project of one's own in the stack (docs/your-app.md).

requirements.py   which files say what it requires, copied out of it
packages.py       what pip has installed of that: none of the servers, which are the lab's
check.py          loads it once, so that what is wrong with it is said before a server starts
local.py          all of that for local processes; server/Dockerfile does it for containers

All but local.py run alone in an image, on the standard library.
"""
