// SPDX-License-Identifier: Apache-2.0
#include "services/goods_answer.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::services {
namespace {

TEST(goods_answer, finds_the_only_row_that_msd_sends) {
    const auto answer = find_goods(R"({"errorcode":0,"results":[{"id":7,"price":4.15}]})", 7);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->known);
    EXPECT_EQ(answer->price->text(), "4.15");
}

TEST(goods_answer, finds_the_row_among_all_rows_of_a_foreign_service) {
    constexpr auto reply =
        R"({"results":[5,{"name":"no id"},{"id":"71","price":1},{"id":"7","price":"2"},{"id":8}]})";
    EXPECT_EQ(find_goods(reply, 7)->price->text(), "2");
    EXPECT_TRUE(find_goods(reply, 8)->known);
    EXPECT_FALSE(find_goods(reply, 8)->price);
    EXPECT_FALSE(find_goods(reply, 9)->known);
}

TEST(goods_answer, has_no_price_when_the_row_has_no_valid_one) {
    for (const auto* const price : {"null", "[]", "\"cheap\"", "0.00001", "true"}) {
        const auto reply = std::string{R"({"results":[{"id":7,"price":)"} + price + "}]}";
        const auto answer = find_goods(reply, 7);
        ASSERT_TRUE(answer) << price;
        EXPECT_TRUE(answer->known);
        EXPECT_FALSE(answer->price) << price;
    }
}

TEST(goods_answer, is_unknown_when_the_reply_has_no_results) {
    EXPECT_FALSE(find_goods(R"({"errorcode":1,"errormessage":"no data"})", 7)->known);
    EXPECT_FALSE(find_goods(R"({"results":{"id":7}})", 7)->known);
    EXPECT_FALSE(find_goods(R"({"results":[]})", 7)->known);
}

TEST(goods_answer, is_malformed_when_the_reply_cannot_be_parsed) {
    EXPECT_EQ(find_goods("{\"results\":[", 7).error().code, errc::malformed);
    EXPECT_EQ(find_goods("", 7).error().code, errc::malformed);
    EXPECT_EQ(find_goods("[]", 7).error().code, errc::malformed);
}

TEST(goods_answer, keeps_the_row_byte_for_byte) {
    const std::string row =
        R"({"price":900719925474099.3001 , "id": 7.0,"more":[1e400,"\u00b6"],"name":"연필"})";
    const auto found = find_goods(R"({"results":[{"id":1},)" + row + R"(,{"id":8}]})", 7);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->row, row);
    EXPECT_EQ(found->price, std::nullopt) << "beyond the largest amount of money";
}

TEST(goods_answer, reads_a_cached_row_like_the_original) {
    const std::string row = R"({"id":"7","price":"899999999999999.9999","x":null})";
    const auto found = find_goods(R"({"results":[)" + row + "]}", 7);
    const auto again = read_goods(found->row, 7);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->known);
    EXPECT_EQ(again->price, found->price);
    EXPECT_EQ(again->price->text(), "899999999999999.9999");
    EXPECT_EQ(again->row, row);
}

TEST(goods_answer, refuses_a_cached_text_that_is_not_the_row_of_that_product) {
    for (const std::string row :
         {"", "7", "[]", "{", R"({"id":8,"price":1})", R"({"price":1})", R"({"id":7}x)"}) {
        const auto read = read_goods(row, 7);
        ASSERT_FALSE(read) << row;
        EXPECT_EQ(read.error().code, errc::malformed) << row;
    }
}

} // namespace
} // namespace msd::services
