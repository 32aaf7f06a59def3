-- Arguments: the length of the body in bytes, then fields as NAME:VALUE.  Without any: a plain GET.
init = function(arguments)
  local length = tonumber(arguments[1] or 0)
  if length > 0 then
    wrk.method, wrk.body = "POST", string.rep("x", length)
  end
  for number = 2, #arguments do
    local name, value = arguments[number]:match("^([^:]+):(.*)$")
    wrk.headers[name] = value
  end
end

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
