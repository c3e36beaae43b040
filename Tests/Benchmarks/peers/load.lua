-- SPDX-License-Identifier: Apache-2.0
-- wrk's script: requests with the tokens of a file, one after the other, and one JSON line of results at the end.
-- Arguments: FILE PATH HOW, where HOW is "cycle" (start over at the end) or "once" (stop when every token was used).
local requests, position, once = {}, 0, false

function init(arguments)
    local path = arguments[2]
    once = arguments[3] == "once"
    for token in io.lines(arguments[1]) do
        requests[#requests + 1] = wrk.format("GET", path, {
            ["Host"] = "localhost", ["Accept"] = "application/json", ["User-Agent"] = "agent/1.0",
            ["Authorization"] = "Bearer " .. token})
    end
end

function request()
    position = position + 1
    if position > #requests then
        if once then wrk.thread:stop() end
        position = 1
    end
    return requests[position]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"seconds":%.6f,"p50_us":%.0f,"p99_us":%.0f,"max_us":%.0f,"bad":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
