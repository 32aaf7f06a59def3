"""Tracing: what each hop says of a request, in the terms of OpenTelemetry.

Whatever of this runs inside a server uses the standard library alone: any application's own
environment has that.  docs/tracing.md tells it as a whole.

context.py       traceparent;  names.py: of attributes;  span.py: a span, from and to OTLP/JSON

in a server, on the path of a request or right behind it:
application.py   what a server loads: the application that LAB_WSGI names, wrapped by traced.py
recording.py     what is written down of a request
on_paceline.py   what paceline's hooks add (seen.py);  on_gunicorn.py: gunicorn's
django.py        spans of Django's, set in from outside by calls.py and imports.py;  django_sql.py
statement.py     an SQL statement without what may be a secret
packing.py       a recording as octets; environs.py, jsons.py;  without secrets: mask.py,
                 mask_bodies.py, secret_names.py
exporting.py     the queue, and the thread that sends

in the console, and for people:
unpacking.py     those as spans
assembly.py      spans as a trace: parents.py, fitting.py (times), working.py (whose time it was)
trace.py         what comes of it;  sentence.py: where the time went, in words
changes.py       what a proxy did to a head (head.py)

a client that is traced, for `lab trace` and the console:
client.py        sends (outgoing.py), times each step (steps.py), reads the answer (answer.py)
"""
