-- The end of a run as one line of JSON. Latencies are in microseconds.
-- No hook for requests or responses: wrk would call Lua for each of them.
done = function(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d,'
      .. '"p50":%d,"p90":%d,"p99":%d,"max":%d}',
    summary.requests, summary.duration,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max
  ))
end
