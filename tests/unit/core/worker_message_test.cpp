// SPDX-License-Identifier: Apache-2.0
#include "core/worker_message.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using kind = worker_message::kind;

TEST(worker_message, reads_back_every_kind_with_and_without_text) {
    constexpr std::array kinds{
        kind::hello,
        kind::ready,
        kind::extend,
        kind::draining,
        kind::drained,
        kind::fatal,
        kind::drain,
        kind::stop,
        kind::hand_over,
        kind::kept,
        kind::reopen,
        kind::configure,
        kind::configured,
        kind::refused,
    };
    for (const kind what : kinds) {
        for (const std::string text : {"", "some reason", " two  spaces"}) {
            const auto read = decode_worker_message(encode({what, text}));
            ASSERT_TRUE(read) << encode({what, text});
            EXPECT_EQ(read->what, what);
            EXPECT_EQ(read->text, text);
        }
    }
}

TEST(worker_message, makes_the_texts_of_a_worker_printable_and_short) {
    EXPECT_EQ(
        decode_worker_message("FATAL boom\nMAINPID=1\x1B[2J\u202E")->text,
        "boom\\nMAINPID=1\\x1b[2J\\u202e"
    );
    const std::string flood(worker_message_bytes_max - 6, '\x01');
    EXPECT_EQ(decode_worker_message("FATAL " + flood)->text.size(), worker_reason_bytes_max);
    EXPECT_EQ(decode_worker_message("KEPT " + flood)->text.size(), worker_reason_bytes_max);
    EXPECT_EQ(decode_worker_message("HELLO " + flood)->text.size(), worker_build_bytes_max);
}

TEST(worker_message, reads_the_number_and_the_reason_of_an_answer_to_configure) {
    EXPECT_EQ(read_configure_answer("3").number, 3U);
    EXPECT_EQ(read_configure_answer("3").reason, "");
    EXPECT_EQ(read_configure_answer("18446744073709551615 no room").reason, "no room");
    for (const char* const text :
         {"", " 3", "3x", "-3", "+3", "x", "0 no", "18446744073709551616 no"}) {
        EXPECT_EQ(read_configure_answer(text).number, 0U) << text;
        EXPECT_EQ(read_configure_answer(text).reason, "") << text;
    }
}

TEST(worker_message, is_readable_text) {
    EXPECT_EQ(encode({kind::fatal, "port 9000 is taken"}), "FATAL port 9000 is taken");
    EXPECT_EQ(encode({kind::ready, ""}), "READY");
}

TEST(worker_message, truncates_a_text_that_does_not_fit_a_datagram) {
    const std::string datagram = encode({kind::fatal, std::string(10'000, 'x')});
    EXPECT_EQ(datagram.size(), worker_message_bytes_max);
    EXPECT_TRUE(decode_worker_message(datagram));
}

TEST(worker_message, refuses_unknown_messages) {
    EXPECT_EQ(decode_worker_message("HELP me").error().code, errc::malformed);
    EXPECT_EQ(decode_worker_message("").error().code, errc::malformed);
    EXPECT_EQ(decode_worker_message("ready").error().code, errc::malformed);
    const std::string too_long(worker_message_bytes_max + 1, 'x');
    EXPECT_EQ(decode_worker_message(too_long).error().code, errc::too_large);
}

} // namespace
} // namespace msd::core
