// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd {

/// Escapes the control characters of `text`, including C1, as \n, \t or \x1b, because untrusted
/// text (names of nodes, keys of a file) must not control the terminal that shows it. Invalid UTF-8
/// becomes U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace msd
