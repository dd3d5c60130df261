-- SPDX-License-Identifier: Apache-2.0
-- Makes wrk end with one line of JSON: what bench.mjs reads.

function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format(
        '\n{"requests":%d,"seconds":%.6f,"failed":%d,"p50_us":%.0f,"p99_us":%.0f}\n',
        summary.requests, summary.duration / 1e6, failed,
        latency:percentile(50), latency:percentile(99)
    ))
end
