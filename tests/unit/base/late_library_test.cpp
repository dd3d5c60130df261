// SPDX-License-Identifier: Apache-2.0
#include "base/late_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>
#include <stdexcept>

namespace {

using msd::late_library;

constinit late_library sodium{"libsodium.so.23"};
constinit late_library nowhere{"libmsd-nowhere.so.1"};

namespace late {
MSD_LATE_FUNCTION(sodium, sodium_is_zero);
MSD_LATE_FUNCTION(nowhere, sodium_version_string);
} // namespace late

TEST(late_library, loads_once) {
    EXPECT_TRUE(sodium.load());
    EXPECT_TRUE(sodium.load());
}

TEST(late_library, names_a_missing_library) {
    const auto loaded = nowhere.load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, msd::errc::unavailable);
    EXPECT_THAT(loaded.error().text, testing::HasSubstr("libmsd-nowhere.so.1"));
}

TEST(late_library, calls_a_function_of_the_library) {
    const unsigned char bytes[] = {0, 0, 1};
    EXPECT_EQ(late::sodium_is_zero(bytes, 2), 1);
    EXPECT_EQ(late::sodium_is_zero(bytes, 3), 0);
}

TEST(late_library, throws_on_a_call_into_a_missing_library) {
    EXPECT_THROW(late::sodium_version_string(), std::runtime_error);
}

TEST(late_library, names_a_missing_symbol) {
    try {
        static_cast<void>(sodium.symbol("msd_nowhere"));
        FAIL();
    } catch (const std::runtime_error& thrown) {
        EXPECT_THAT(thrown.what(), testing::HasSubstr("msd_nowhere"));
    }
}

} // namespace
