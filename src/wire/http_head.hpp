// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_line.hpp"
#include "wire/http_request_parser.hpp"

// What the headers of a request mean together: which host, how long the body is, what the client
// wishes. Each line was checked before, by wire/http_line.
namespace msd::wire {

/// Sets content_length, chunked, keep_alive and expect_continue of a request whose headers are
/// complete. 400 for anything two implementations could read differently; 501 for a transfer coding
/// other than chunked.
[[nodiscard]] http_fault interpret_head(http_request& request);

} // namespace msd::wire
