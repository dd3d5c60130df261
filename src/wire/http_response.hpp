// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace msd::wire {

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
