// SPDX-License-Identifier: Apache-2.0
#include "upstream/injected_faults.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace msd::upstream {
namespace {

constexpr time_point now{std::chrono::seconds{1000}};

core::fault fault_for(std::string service, std::uint32_t id) {
    core::fault made;
    made.id = id;
    made.service = std::move(service);
    made.until = now + std::chrono::seconds{60};
    return made;
}

class injected_faults_of_a_worker : public testing::Test {
protected:
    try_fault draw(std::string_view service, std::string_view endpoint, time_point at = now) {
        return faults.draw(service, endpoint, at);
    }

    std::unique_ptr<core::fault_board> board = std::make_unique<core::fault_board>();
    injected_faults faults{board.get()};
};

TEST_F(injected_faults_of_a_worker, are_those_of_the_service_and_the_endpoint) {
    EXPECT_FALSE(draw("goods", "a:1").any());
    core::fault everywhere = fault_for("goods", 1);
    everywhere.delay = milliseconds{100};
    core::fault at_one = fault_for("goods", 2);
    at_one.endpoint = "a:1";
    at_one.error = 503;
    at_one.delay = milliseconds{5};
    board->write({everywhere, at_one});
    EXPECT_EQ(draw("goods", "a:1").error, 503);
    EXPECT_EQ(draw("goods", "a:1").delay, milliseconds{105});
    EXPECT_EQ(draw("goods", "a:10").error, 0);
    EXPECT_EQ(draw("goods", "a:10").delay, milliseconds{100});
    EXPECT_FALSE(draw("members", "a:1").any());
    EXPECT_FALSE(draw("goods", "a:1", now + std::chrono::seconds{60}).any()) << "they expire";
    board->write({});
    EXPECT_FALSE(draw("goods", "a:1").any());
    EXPECT_FALSE(injected_faults{nullptr}.draw("goods", "a:1", now).any());
}

TEST_F(injected_faults_of_a_worker, end_a_try_in_one_way) {
    std::vector<core::fault> all{
        fault_for("s", 1),
        fault_for("s", 2),
        fault_for("s", 3),
        fault_for("s", 4)};
    all[0].lose_after = 100;
    all[1].aborts = true;
    all[2].error = 500;
    all[3].lose_after = 7;
    for (core::fault& each : all) {
        each.delay = core::fault::delay_max;
    }
    board->write(all);
    const try_fault drawn = draw("s", "a:1");
    EXPECT_TRUE(drawn.aborts);
    EXPECT_EQ(drawn.error, 0);
    EXPECT_EQ(drawn.lose_after, 7U);
    EXPECT_EQ(drawn.delay, core::fault::delay_max);
}

} // namespace
} // namespace msd::upstream
