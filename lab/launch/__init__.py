"""Starts servers that have no command of their own to load `module:callable` and listen.

python -m lab.launch.NAME module:callable [--bind HOST:PORT | --bind unix:PATH] …
"""
