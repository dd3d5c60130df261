// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

// Half surrogate pairs in JSON text. RFC 8259 allows an escape such as \ud800 without its other
// half, and base/json accepts it because foreign nodes send it. But it is not a character, so text
// with it cannot be stored unchanged (RFC 7493, 2.1). Texts that are to be stored are checked here.
namespace msd::json {

/// Where the first \u escape of half a surrogate pair begins, in names of members too; nothing when
/// there is none. `json` must be well-formed.
[[nodiscard]] std::optional<std::size_t> lone_surrogate(std::string_view json);

} // namespace msd::json
