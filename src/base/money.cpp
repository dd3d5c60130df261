// SPDX-License-Identifier: Apache-2.0
#include "base/money.hpp"

#include "base/decimal.hpp"

#include <fmt/format.h>

namespace msd {

namespace {

constexpr int decimals = 4;

} // namespace

result<money> money::from_e4(std::int64_t e4) {
    if (e4 > e4_max || e4 < -e4_max) {
        return fail(errc::invalid, "is out of range");
    }
    return money{e4};
}

result<money> money::parse(std::string_view text) {
    const scaled_number number = scale_number(text, decimals);
    switch (number.what) {
    case scaled_number::outcome::not_a_number:
        return fail(errc::invalid, "must be a number");
    case scaled_number::outcome::fractional:
        return fail(errc::invalid, "has more than four decimals");
    case scaled_number::outcome::too_large:
        return fail(errc::invalid, "is out of range");
    case scaled_number::outcome::exact:
        break;
    }
    if (number.magnitude > static_cast<std::uint64_t>(e4_max)) {
        return fail(errc::invalid, "is out of range");
    }
    const auto magnitude = static_cast<std::int64_t>(number.magnitude);
    return money{number.negative ? -magnitude : magnitude};
}

std::string money::text() const {
    const std::int64_t magnitude = e4_ < 0 ? -e4_ : e4_;
    std::string out =
        fmt::format("{}{}.{:04}", e4_ < 0 ? "-" : "", magnitude / scale, magnitude % scale);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') {
        out.pop_back();
    }
    return out;
}

} // namespace msd
