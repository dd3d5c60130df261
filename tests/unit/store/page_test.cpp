// SPDX-License-Identifier: Apache-2.0
#include "store/page.hpp"

#include <gtest/gtest.h>

namespace msd::store {
namespace {

void write_text(json::writer& out, const std::string& text) {
    out.string(text);
}

TEST(page_builder, puts_commas_between_rows_only) {
    page_builder builder{{}};
    EXPECT_TRUE(builder.add<std::string>(1, "a", write_text));
    EXPECT_TRUE(builder.add<std::string>(2, "b", write_text));
    const auto rows = builder.take();
    EXPECT_EQ(rows.rows, R"("a","b")");
    EXPECT_EQ(rows.count, 2U);
    EXPECT_FALSE(rows.next);
}

TEST(page_builder, has_the_id_of_its_last_row_as_next_when_there_are_more) {
    page_builder builder{{.after = 0, .limit = 2}};
    EXPECT_EQ(builder.rows_to_read(), 3);
    EXPECT_TRUE(builder.add<std::string>(5, "a", write_text));
    EXPECT_TRUE(builder.add<std::string>(9, "b", write_text));
    EXPECT_FALSE(builder.add<std::string>(11, "c", write_text));
    const auto rows = builder.take();
    EXPECT_EQ(rows.count, 2U);
    EXPECT_EQ(rows.next, 9);
}

TEST(page_builder, clamps_a_limit_out_of_range) {
    EXPECT_EQ((page_builder{{.after = 0, .limit = 0}}.rows_to_read()), 2);
    EXPECT_EQ((page_builder{{.after = 0, .limit = 5000}}.rows_to_read()), page_rows_max + 1);
}

TEST(page_builder, removes_a_row_that_makes_it_too_large) {
    const std::string half(page_bytes_max / 2, 'x');
    page_builder builder{{}};
    EXPECT_TRUE(builder.add(1, half, write_text));
    EXPECT_FALSE(builder.add(2, half, write_text));
    const auto rows = builder.take();
    EXPECT_EQ(rows.rows.size(), half.size() + 2);
    EXPECT_EQ(rows.next, 1);
}

TEST(page_builder, accepts_one_row_of_any_size) {
    page_builder builder{{}};
    EXPECT_TRUE(builder.add(1, std::string(2 * page_bytes_max, 'x'), write_text));
    EXPECT_EQ(builder.take().count, 1U);
}

} // namespace
} // namespace msd::store
