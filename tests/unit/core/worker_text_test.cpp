// SPDX-License-Identifier: Apache-2.0
#include "core/worker_text.hpp"

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>

namespace msd::core {
namespace {

// As in shared memory: zeroed.
std::unique_ptr<worker_text> zeroed() {
    return std::make_unique<worker_text>();
}

TEST(worker_text, is_what_was_written_last) {
    const auto text = zeroed();
    EXPECT_FALSE(text->read());
    for (const std::string& each :
         {std::string{"a"},
          std::string{"12345678"},
          std::string(worker_text::bytes_max, 'x'),
          std::string{"short"}}) {
        text->write(each);
        EXPECT_EQ(text->read(), each);
    }
    text->write(std::string(worker_text::bytes_max + 1, 'x'));
    EXPECT_FALSE(text->read()) << "an old text in the place of one that is too long";
}

TEST(worker_text, of_a_worker_that_died_while_it_wrote_can_be_replaced) {
    const auto text = zeroed();
    text->write("before");
    auto* const version = reinterpret_cast<std::atomic<std::uint64_t>*>(text.get());
    version->fetch_add(1);
    EXPECT_FALSE(text->read());
    text->clear();
    EXPECT_FALSE(text->read());
    text->write("after");
    EXPECT_EQ(text->read(), "after");
}

TEST(worker_text, with_an_impossible_length_is_none) {
    const auto text = zeroed();
    text->write("before");
    auto* const words = reinterpret_cast<std::atomic<std::uint64_t>*>(text.get());
    words[1] = worker_text::bytes_max + 1;
    EXPECT_FALSE(text->read());
    words[1] = ~std::uint64_t{0};
    EXPECT_FALSE(text->read());
}

TEST(worker_text, is_never_read_in_halves) {
    const auto text = zeroed();
    const std::array<std::string, 2> texts{std::string(3000, 'a'), std::string(3001, 'b')};
    text->write(texts[0]);
    std::atomic<bool> ends = false;
    std::thread writer{[&] {
        for (int turn = 0; turn < 20'000; ++turn) {
            text->write(texts[static_cast<std::size_t>(turn % 2)]);
        }
        ends = true;
    }};
    while (!ends) {
        if (const auto seen = text->read()) {
            EXPECT_TRUE(*seen == texts[0] || *seen == texts[1]);
        }
    }
    writer.join();
}

} // namespace
} // namespace msd::core
