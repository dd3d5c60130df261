// SPDX-License-Identifier: Apache-2.0
#include "base/printable.hpp"

#include "base/json_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace msd {

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const std::size_t bytes = json::utf8_sequence(at, end);
        const auto first = static_cast<unsigned char>(*at);
        const bool c1 = bytes == 2 && first == 0xC2 && static_cast<unsigned char>(at[1]) < 0xA0;
        if (bytes == 0) {
            out += "\xEF\xBF\xBD";
        } else if (c1 || first < 0x20 || first == 0x7F) {
            const auto code = c1 ? static_cast<unsigned char>(at[1]) : first;
            out += code == '\n'   ? std::string{"\\n"}
                   : code == '\t' ? std::string{"\\t"}
                                  : fmt::format("\\x{:02x}", code);
        } else {
            out.append(at, bytes);
        }
        at += std::max<std::size_t>(bytes, 1);
    }
    return out;
}

} // namespace msd
