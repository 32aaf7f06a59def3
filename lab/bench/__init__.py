"""Measures servers beside each other, on this machine: `python -m lab.bench`."""
