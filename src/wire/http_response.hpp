// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace msd::wire {

struct http_response_head {
    int status = 200;
    std::string_view content_type; // empty: no Content-Type
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    int minor_version = 1;       // of the request: 1.0 gets an explicit keep-alive
    std::string_view date;       // RFC 9110, 5.6.7; the caller formats it once a second
    std::string_view request_id; // X-Request-Id
    std::string_view extra;      // further complete header lines, each with CR LF
};

void append_response_head(std::string& out, const http_response_head& head);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

/// Reason phrase of RFC 9110; "Unknown" for others.
[[nodiscard]] std::string_view reason_phrase(int status);

// A problem document (RFC 9457), for replies of the gateway's own. It has errorcode (the status)
// and errormessage as well, for clients of the existing gateway.
struct problem {
    int status = 500;
    std::string_view title;  // empty: the reason phrase
    std::string_view detail; // also errormessage; empty: the title
    std::string_view request_id;
    std::string_view service; // empty: left out
    int attempts = 0;         // 0: left out
};

[[nodiscard]] std::string problem_body(const problem& what);

} // namespace msd::wire
