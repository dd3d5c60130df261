// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>

namespace msd::app {

/// `text` with every control character as '?': what strangers wrote (names of nodes, keys of a
/// file) must not steer the terminal it is shown on.
[[nodiscard]] inline std::string printable(std::string text) {
    const auto is_control = [](unsigned char c) {
        return c < 0x20 || c == 0x7f;
    };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

} // namespace msd::app
