// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace msd {

/// `text` with control characters, those of C1 too (terminals obey both), as \n, \t or \x1b: what
/// strangers wrote (names of nodes, keys of a file) must not steer the terminal it is shown on.
/// What is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace msd
