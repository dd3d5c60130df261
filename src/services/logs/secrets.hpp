// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd::services {

// Masks secrets in log lines: many nodes log the whole request they handle, and a password must not
// get into a log file. Members named password, token or secret, in any letter case, are written as
// "***", also inside strings that hold JSON.

/// Appends `json`, one valid JSON value, with its secrets masked. A value that is nested deeper
/// than the limit and could hold a secret is masked as a whole.
void append_without_secrets(std::string& out, std::string_view json);

} // namespace msd::services
