// SPDX-License-Identifier: Apache-2.0
#include "services/utc_text.hpp"

#include <fmt/format.h>

#include <chrono>

namespace msd::services {

std::string utc_text(std::int64_t since_1970_ms) {
    using namespace std::chrono;
    const sys_time<milliseconds> moment{milliseconds{since_1970_ms}};
    const auto midnight = floor<days>(moment);
    const year_month_day date{midnight};
    const hh_mm_ss time{moment - midnight};
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count(),
        time.subseconds().count()
    );
}

} // namespace msd::services
