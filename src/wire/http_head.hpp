// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_line.hpp"
#include "wire/http_request_parser.hpp"

// What the headers of a request mean together: the host, the length of the body, and whether the
// client keeps the connection. wire/http_line has checked each line before.
namespace msd::wire {

/// Sets the members of a request behind `headers` once its headers are complete, and removes the
/// headers that are for this connection only. 400 for anything two implementations could read
/// differently; 501 for a transfer coding other than chunked.
[[nodiscard]] http_fault interpret_head(http_request& request);

} // namespace msd::wire
