// SPDX-License-Identifier: Apache-2.0
#include "services/events/event_outage.hpp"

#include <gtest/gtest.h>

namespace msd::services {
namespace {

using namespace std::chrono_literals;

TEST(event_outages, remind_after_ten_minutes_and_each_hour) {
    const time_point begin{};
    event_outage outage{"events of /test"};
    EXPECT_FALSE(outage.reminds(begin + 1h)) << "there is none";
    outage.failed({errc::unavailable, "no node"}, begin);
    EXPECT_FALSE(outage.reminds(begin + 9min));
    EXPECT_TRUE(outage.reminds(begin + 10min));
    outage.failed({errc::unavailable, "no node"}, begin + 11min);
    EXPECT_FALSE(outage.reminds(begin + 69min));
    EXPECT_TRUE(outage.reminds(begin + 70min));
    EXPECT_FALSE(outage.reminds(begin + 71min));
    outage.answered();
    EXPECT_FALSE(outage.reminds(begin + 5h));
    outage.failed({errc::unavailable, "no node"}, begin + 6h);
    EXPECT_FALSE(outage.reminds(begin + 6h + 9min));
    EXPECT_TRUE(outage.reminds(begin + 6h + 10min));
}

} // namespace
} // namespace msd::services
