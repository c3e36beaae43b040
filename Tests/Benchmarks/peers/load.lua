-- SPDX-License-Identifier: Apache-2.0
-- wrk's script: requests with the tokens of a file, one after the other, and one JSON line of results at the end.
-- Arguments: FILE PATH HOW [BODY], where HOW is "cycle" (start over at the end), "few" (the same with eight tokens, for requests
-- that take much room) or "once" (stop when every token was used). With the file BODY it is a POST.
local requests, position, once = {}, 0, false

function init(arguments)
    local path, how = arguments[2], arguments[3]
    local method, body = "GET", nil
    if arguments[4] then
        local file = io.open(arguments[4], "rb")
        method, body = "POST", file:read("*a")
        file:close()
    end
    once = how == "once"
    for token in io.lines(arguments[1]) do
        if how == "few" and #requests == 8 then break end
        requests[#requests + 1] = wrk.format(method, path, {
            ["Host"] = "localhost", ["Accept"] = "application/json", ["User-Agent"] = "agent/1.0",
            ["Content-Type"] = body and "application/json", ["Authorization"] = "Bearer " .. token}, body)
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
