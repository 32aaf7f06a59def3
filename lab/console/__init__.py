"""The collector of traces, and the console that shows them: a Django project served by paceline.

collector.py    what comes in goes to the store, and on to another collector
ingest.py       over HTTP (otlp.py reads it);  nginx_socket.py: from nginx (nginx_log.py)
store.py        SQLite
pages/          what people see
"""
