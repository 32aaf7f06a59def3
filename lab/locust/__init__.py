"""Load from many machines: Locust with the lab's workloads, in a compose profile."""
