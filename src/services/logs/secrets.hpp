// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd::services {

// Masks secrets in log lines: many nodes log the whole request, and a log file must not contain
// passwords. Members named password, token or secret, in any letter case, are written as "***",
// also inside strings that contain JSON.

/// Appends `json`, one valid JSON value, with its secrets masked. A value that is nested deeper
/// than the limit and could contain a secret is masked as a whole.
void append_without_secrets(std::string& out, std::string_view json);

} // namespace msd::services
