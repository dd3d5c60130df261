// SPDX-License-Identifier: Apache-2.0
#include "core/worker_question.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

unique_fd copy_of(int descriptor) {
    return unique_fd{dup(descriptor)};
}

TEST(worker_question, reaches_the_worker_and_its_answer_the_master) {
    const auto asked = worker_question::create(R"({"command":"explain"})");
    ASSERT_TRUE(asked);
    EXPECT_FALSE(asked->answer());
    const auto received = worker_question::adopt(copy_of(asked->descriptor()));
    ASSERT_TRUE(received);
    EXPECT_EQ(received->question(), R"({"command":"explain"})");
    received->answer(std::string(worker_question::answer_bytes_max, 'x'));
    EXPECT_EQ(asked->answer()->size(), worker_question::answer_bytes_max);
    received->answer(R"({"ok":true})");
    EXPECT_EQ(*asked->answer(), R"({"ok":true})");
}

TEST(worker_question, bounds_both_texts) {
    const std::string longest(worker_question::question_bytes_max, 'q');
    ASSERT_TRUE(worker_question::create(longest));
    EXPECT_EQ(worker_question::create(longest + 'q').error().code, errc::too_large);
    const auto asked = worker_question::create("q");
    asked->answer(std::string(worker_question::answer_bytes_max + 1, 'x'));
    EXPECT_NE(asked->answer()->find("too long"), std::string::npos);
}

TEST(worker_question, takes_any_bytes_of_a_hostile_worker_and_no_other_memory) {
    const auto asked = worker_question::create("q");
    auto* const memory = static_cast<unsigned char*>(
        mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, asked->descriptor(), 0)
    );
    ASSERT_NE(memory, MAP_FAILED);
    std::memset(memory, 0xff, 8); // both lengths
    EXPECT_FALSE(asked->answer());
    EXPECT_EQ(asked->question().size(), worker_question::question_bytes_max);
    munmap(memory, 8);
    EXPECT_NE(ftruncate(asked->descriptor(), 0), 0) << "its size is sealed";
    const unique_fd small{memfd_create("small", MFD_CLOEXEC)};
    EXPECT_FALSE(worker_question::adopt(copy_of(small.get())));
}

} // namespace
} // namespace msd::core
