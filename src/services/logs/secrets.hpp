// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd::services {

// Log lines come from anybody, and many nodes log the whole request they handle: what stands in
// there for a password must not lie in a file. Members named password, token or secret, in any
// case, are written as "***", also inside of strings that are JSON themselves.

/// Appends `json`, one valid JSON value. What is nested deeper than anybody logs, and could hold a
/// secret, is left out as a whole.
void append_without_secrets(std::string& out, std::string_view json);

} // namespace msd::services
