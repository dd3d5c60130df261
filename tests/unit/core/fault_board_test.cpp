// SPDX-License-Identifier: Apache-2.0
#include "core/fault_board.hpp"

#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace msd::core {
namespace {

constexpr time_point now{std::chrono::seconds{1000}};

// Zeroed, as the memory of the board is.
std::unique_ptr<fault_board> fresh_board() {
    return std::make_unique<fault_board>();
}

fault fault_for(const std::string& service, std::uint32_t id) {
    fault made;
    made.id = id;
    made.service = service;
    made.delay = milliseconds{200};
    made.error = 503;
    made.percent = 5;
    made.until = now + std::chrono::seconds{60};
    return made;
}

TEST(fault_board, has_the_faults_that_were_written_until_they_expire) {
    const auto board = fresh_board();
    EXPECT_TRUE(board->read(now).empty());
    const std::uint64_t before = board->version();
    fault second = fault_for(std::string(fault::service_bytes_max, 'x'), 2);
    second.aborts = true;
    second.error = 0;
    second.endpoint = std::string(fault::endpoint_bytes_max, 'y');
    second.lose_after = 0;
    second.until = now + std::chrono::seconds{1};
    board->write({fault_for("goods", 1), second});
    EXPECT_NE(board->version(), before);
    const auto read = board->read(now);
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].id, 1U);
    EXPECT_EQ(read[0].service, "goods");
    EXPECT_EQ(read[0].delay, milliseconds{200});
    EXPECT_EQ(read[0].error, 503);
    EXPECT_FALSE(read[0].aborts);
    EXPECT_EQ(read[0].percent, 5U);
    EXPECT_EQ(read[0].until, now + std::chrono::seconds{60});
    EXPECT_EQ(read[1].service, second.service);
    EXPECT_TRUE(read[0].endpoint.empty());
    EXPECT_FALSE(read[0].lose_after.has_value());
    EXPECT_TRUE(read[1].aborts);
    EXPECT_EQ(read[1].endpoint, second.endpoint);
    EXPECT_EQ(read[1].lose_after, 0U);
    EXPECT_EQ(board->read(now + std::chrono::seconds{1}).size(), 1U);
    EXPECT_TRUE(board->read(now + std::chrono::seconds{60}).empty());
    board->write({});
    EXPECT_TRUE(board->read(now).empty());
}

TEST(fault_board, gives_no_fault_that_the_master_cannot_have_written) {
    const auto board = fresh_board();
    fault no_service = fault_for("", 1);
    fault no_id = fault_for("goods", 0);
    fault long_delay = fault_for("goods", 3);
    long_delay.delay = fault::delay_max + milliseconds{1};
    fault strange_error = fault_for("goods", 4);
    strange_error.error = 200;
    fault no_share = fault_for("goods", 5);
    no_share.percent = 0;
    fault many_bytes = fault_for("goods", 7);
    many_bytes.lose_after = fault::lose_after_max + 1;
    board->write(
        {no_service, no_id, long_delay, strange_error, no_share, many_bytes, fault_for("goods", 6)}
    );
    const auto read = board->read(now);
    ASSERT_EQ(read.size(), 1U);
    EXPECT_EQ(read[0].id, 6U);
    std::memset(static_cast<void*>(board.get()), 0xFF, sizeof(fault_board));
    bool is_whole = true;
    EXPECT_TRUE(board->read(now, is_whole).empty());
    EXPECT_FALSE(is_whole); // the version says that it is being written
}

} // namespace
} // namespace msd::core
