// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// The text of server-sent events (WHATWG HTML, 9.2), which gateways write for streams with the
// media type text/event-stream.
namespace msd::wire {

/// Whether a Content-Type is that of server-sent events, with or without parameters.
[[nodiscard]] bool is_event_stream(std::string_view content_type);

/// Appends one event and the empty line behind it. Each line of `data` becomes one `data:` line;
/// CR, LF and CR LF end a line. A name or an id with a line end or NUL, which an event cannot have,
/// is left out; an empty one, too.
void append_event(
    std::string& out,
    std::string_view data,
    std::string_view name = {},
    std::string_view id = {}
);

} // namespace msd::wire
