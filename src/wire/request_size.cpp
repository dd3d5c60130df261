// SPDX-License-Identifier: Apache-2.0
#include "wire/request_size.hpp"

#include <algorithm>

namespace msd::wire {

std::size_t counted_bytes(std::string_view json) {
    std::size_t bytes = json.size();
    // In JSON a backslash occurs only in strings and begins an escape.
    std::size_t at = json.find('\\');
    while (at != std::string_view::npos && at + 1 < json.size()) {
        const std::size_t longest = json[at + 1] == 'u' ? 6 : 2;
        const std::size_t escape = std::min(longest, json.size() - at);
        bytes -= escape - 1;
        at += escape;
        if (at >= json.size() || json[at] != '\\') { // a search costs more than many escapes
            at = json.find('\\', at);
        }
    }
    return bytes;
}

bool request_size_check::is_too_large(std::string_view frame) const {
    return frame.size() > bytes_max_ && counted_bytes(frame) > bytes_max_;
}

bool request_size_check::is_growing_too_large(std::string_view unfinished) {
    const std::size_t bytes = unfinished.size();
    if (bytes <= bytes_max_) {
        counted_at_ = 0;
        return false;
    }
    if (bytes <= counted_at_ + counted_at_ / 4) {
        return false;
    }
    counted_at_ = bytes;
    return is_too_large(unfinished);
}

} // namespace msd::wire
