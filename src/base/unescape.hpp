// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Decoding for text that may be damaged or cut and is only searched or shown: escapes that are not
// valid stay as they are. Requests are decoded by base/json and wire/http_params, which refuse
// them.
namespace msd {

/// Decodes the escapes of a JSON string. Half of a surrogate pair becomes U+FFFD.
[[nodiscard]] std::string unescaped(std::string_view text);

/// Decodes percent-escapes, and `+` as a space. The result may contain any byte.
[[nodiscard]] std::string percent_unescaped(std::string_view text);

} // namespace msd
