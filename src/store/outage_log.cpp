// SPDX-License-Identifier: Apache-2.0
#include "store/outage_log.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store {

namespace {

bool is_address(std::string_view word) {
    const auto colon = word.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size()) {
        return false;
    }
    const std::string_view port = word.substr(colon + 1);
    return port.find_first_not_of("0123456789") == std::string_view::npos;
}

// Replaces every host:port in `text` by "the server".
std::string without_addresses(std::string_view text) {
    std::string made;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto bare = text.substr(0, end).find_last_not_of(":,;.") + 1;
        const std::string_view word = text.substr(0, bare);
        made += is_address(word) ? "the server" : word;
        const auto next = std::min(end + 1, text.size());
        made += text.substr(bare, next - bare);
        text.remove_prefix(next);
    }
    return made;
}

} // namespace

void outage_log::failed(const error& why, time_point now) {
    if (down_) {
        return;
    }
    down_ = true;
    is_logged_ = logged_at_ == time_point::min() || now - logged_at_ >= quiet;
    if (is_logged_) {
        logged_at_ = now;
        log::error("{}: {}", what_, without_addresses(why.text));
    }
}

void outage_log::recovered() {
    down_ = false;
    if (std::exchange(is_logged_, false)) {
        log::info("{}: works again", what_);
    }
}

} // namespace msd::store
