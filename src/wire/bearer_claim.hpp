// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace msd::wire {

constexpr std::size_t token_payload_bytes_max = std::size_t{8} * 1024;

/// The value of a claim in `authorization`, a field value "Bearer " with a JSON Web Token (RFC
/// 6750, 2.1; RFC 7519): the text of a string, a number as it is written, true or false. The
/// signature is not checked: anybody can have written the claim. Nothing when there is no such
/// token or claim, its value is of another kind, or the payload is longer than
/// token_payload_bytes_max.
[[nodiscard]] std::optional<std::string>
bearer_claim(std::string_view authorization, std::string_view name);

} // namespace msd::wire
