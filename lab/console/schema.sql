-- One row for each trace, for lists; rows come and go in the order of their arrival.
CREATE TABLE IF NOT EXISTS traces (
    trace_id   TEXT PRIMARY KEY,
    rank       INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    ended      INTEGER NOT NULL,
    method     TEXT NOT NULL,
    path       TEXT NOT NULL,
    status     INTEGER,
    server     TEXT NOT NULL,
    error      TEXT,
    error_rank INTEGER NOT NULL,
    hops       INTEGER NOT NULL,
    spans      INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    changed    INTEGER NOT NULL,  -- the last of its chunks
    arrived    INTEGER NOT NULL   -- seconds since 1970, of that chunk
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traces_started ON traces (started);
CREATE INDEX IF NOT EXISTS traces_changed ON traces (changed);

-- Spans of one trace as they came: OTLP/JSON or a line of nginx, compressed.  No id is ever used again, so that
-- whoever has seen one knows what is newer.
CREATE TABLE IF NOT EXISTS chunks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL,
    body     BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS chunks_trace ON chunks (trace_id);
