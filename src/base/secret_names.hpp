// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The names whose values are secret: those that contain password, passwd, secret, token,
// authorization, cookie or api key (apikey, api-key, api_key), in any letter case, also when they
// are written with percent or \u escapes. base/masking.hpp finds their values in text.
namespace msd {

[[nodiscard]] bool is_secret_name(std::string_view name);

/// `name` contains `api`, any number of `-`, `_`, `.` and spaces, and `key`.
[[nodiscard]] bool holds_api_key(std::string_view name);

/// The value of a secret with this name may contain spaces: authorization, cookie.
[[nodiscard]] bool fills_line(std::string_view name);

/// Whether `text` may contain a secret name: a quick check.
[[nodiscard]] bool may_hold_secret(std::string_view text);

} // namespace msd
