"""Tracing: what each hop says of a request, in the terms of OpenTelemetry.

Whatever of this runs inside a server uses the standard library alone: any application's own
environment has that.
"""
