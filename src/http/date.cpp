// SPDX-License-Identifier: Apache-2.0
#include "http/date.hpp"

#include "wire/http_response.hpp"

#include <ctime>
#include <string>

namespace msd::http {

std::string_view current_date() {
    static std::string text;
    static std::time_t second = 0;
    if (const std::time_t now = std::time(nullptr); now != second) {
        second = now;
        text = wire::http_date(now);
    }
    return text;
}

} // namespace msd::http
