// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace msd {

/// The bytes of base64url without padding (RFC 4648, 5), as JSON Web Tokens have it. Nothing for
/// any other text.
[[nodiscard]] std::optional<std::string> bytes_of_base64url(std::string_view text);

} // namespace msd
