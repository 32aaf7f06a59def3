-- Asks for one path after the other.  Arguments: fields as NAME:VALUE, then the paths, which begin with a slash.
dofile("lab/bench/wrk.lua")

local requests, number = {}, 0

init = function(arguments)
  for _, argument in ipairs(arguments) do
    local name, value = argument:match("^([^:/]+):(.*)$")
    if name then
      wrk.headers[name] = value
    end
  end
  for _, argument in ipairs(arguments) do
    if argument:sub(1, 1) == "/" then
      requests[#requests + 1] = wrk.format("GET", argument)
    end
  end
end

request = function()
  number = number % #requests + 1
  return requests[number]
end
