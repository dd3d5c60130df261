// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/rate.hpp"

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace msd::core::resilience {

namespace {

constexpr std::array<std::pair<char, int>, 4> units{
    {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}}};

} // namespace

result<rate> read_rate(std::string_view text) {
    const auto wrong = [] {
        return fail(
            errc::invalid,
            "a rate is a number from 1 to " + std::to_string(rate::requests_max) +
                " and a unit, such as 100/s, 30/m, 1000/h or 10000/d"
        );
    };
    rate read;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, read.requests);
    const std::string_view unit{stop, static_cast<std::size_t>(end - stop)};
    if (failure != std::errc{} || read.requests == 0 || read.requests > rate::requests_max ||
        unit.size() != 2 || unit[0] != '/') {
        return wrong();
    }
    for (const auto& [letter, seconds] : units) {
        if (letter == unit[1]) {
            read.per = std::chrono::seconds{seconds};
            return read;
        }
    }
    return wrong();
}

std::string rate_text(const rate& what) {
    for (const auto& [letter, seconds] : units) {
        if (what.per == std::chrono::seconds{seconds}) {
            return std::to_string(what.requests) + '/' + letter;
        }
    }
    return std::to_string(what.requests) + " in " + std::to_string(what.per.count()) + " s";
}

} // namespace msd::core::resilience
