// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/failure.hpp"

#include <gtest/gtest.h>

namespace msd::store::mysql {
namespace {

TEST(mysql_failure, assigns_a_kind_to_each_code_that_needs_one) {
    EXPECT_EQ(kind_of(1062), failure_kind::conflict);
    for (const int code : {1205, 1213, 1047}) {
        EXPECT_EQ(kind_of(code), failure_kind::again) << code;
    }
    for (const int code : {2006, 2013, 1053, 1180, 1927}) {
        EXPECT_EQ(kind_of(code), failure_kind::lost) << code;
    }
    EXPECT_EQ(kind_of(1040), failure_kind::full);
    EXPECT_EQ(kind_of(1045), failure_kind::denied);
    EXPECT_EQ(kind_of(2002), failure_kind::unreachable);
    EXPECT_EQ(kind_of(1290), failure_kind::read_only);
    EXPECT_EQ(kind_of(1114), failure_kind::no_space);
    for (const int code : {1264, 1267, 1366, 1406}) {
        EXPECT_EQ(kind_of(code), failure_kind::unfit) << code;
    }
    EXPECT_EQ(error_of({failure_kind::unfit, 1366}).code, errc::malformed);
}

TEST(mysql_failure, treats_unknown_codes_as_internal) {
    for (const int code : {0, -1, 1064, 1146, 99999}) {
        EXPECT_EQ(kind_of(code), failure_kind::internal) << code;
    }
    EXPECT_EQ(error_of({failure_kind::internal, 1064}).code, errc::internal);
}

TEST(mysql_failure, becomes_conflict_unavailable_or_internal_for_callers) {
    EXPECT_EQ(error_of({failure_kind::conflict, 1062}).code, errc::conflict);
    for (const auto kind :
         {failure_kind::again,
          failure_kind::lost,
          failure_kind::full,
          failure_kind::unreachable,
          failure_kind::denied,
          failure_kind::read_only,
          failure_kind::no_space,
          failure_kind::too_slow}) {
        EXPECT_EQ(error_of({kind, 0}).code, errc::unavailable);
    }
    EXPECT_EQ(
        error_of({failure_kind::full, 1040}).text,
        "the server has no free connection (MySQL error 1040)"
    );
}

} // namespace
} // namespace msd::store::mysql
