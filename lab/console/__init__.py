"""The collector of traces, and the console that shows them: a Django project served by paceline.

environment.py  what it is told;  __main__.py: becomes paceline, whose settings are serving.py
wsgi.py         ingest.py, then Django (settings.py, urls.py, static.py)
runner.py       the bench, as a process that is started by a form
work.py         the threads beside those that answer
ingest.py       spans over HTTP: otlp.py, otlp_protobuf.py read them
nginx_socket.py lines of nginx, which nginx_log.py reads
collector.py    what came in goes to the store, and on to another collector (forward.py)
writer.py       the one thread that writes the store (store.py, summary.py), within limits.py
api.py          answers for programs;  headers.py: what every answer tells a browser
pages/          what people see
"""
