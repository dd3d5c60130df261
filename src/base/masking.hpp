// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Masks secrets in text that is logged or shown: nodes and clients log whole requests, and a log
// must contain no password. Both the log lines of msd itself and the lines that the logs service
// stores pass through here.
//
// The value of each secret name (base/secret_names.hpp) becomes ***. Names and values are found in
// JSON at any depth, in forms and queries (name=value), in header lines (name: value), in
// JavaScript and Python notation ('name': 'value'), and in strings that contain any of these. Text
// without a secret stays unchanged, byte for byte. The text may be cut or damaged. What cannot be
// recognized is a secret without its name: in a sentence, or as the second element of a list.
namespace msd {

/// What a secret is replaced by; in JSON with quotes.
inline constexpr std::string_view secret_mask = "***";

/// `text` with its secrets masked. Valid JSON stays valid JSON. The time is linear in the length of
/// `text`; strings in strings are searched to four levels, and a deeper string that could contain a
/// secret is masked as a whole.
[[nodiscard]] std::string masked(std::string_view text);

} // namespace msd
