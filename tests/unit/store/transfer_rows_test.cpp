// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_rows.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <string>

namespace msd::store {
namespace {

using testing::HasSubstr;

std::string text_of(std::string_view service, std::string_view json) {
    std::int64_t id = 0;
    const auto row = canonical_row(service, json, id);
    return row ? *row : "! " + row.error().text;
}

TEST(transfer_rows, one_row_has_one_text) {
    const std::string goods =
        R"({"id":7,"name":"연필","category":"a\"b","price":4.15,"description":""})";
    EXPECT_EQ(text_of("goods", goods), goods);
    EXPECT_EQ(
        text_of(
            "goods",
            R"( {"price":4.1500, "description":"","x":1, "id":7.0,"category":"a\u0022b",)"
            R"("name":"\uc5f0\ud544"} )"
        ),
        goods
    );
    const std::string purchase =
        R"({"id":1,"userid":2,"goodsid":3,"quantity":-4,"price":null,"date_ms":-5})";
    EXPECT_EQ(text_of("purchases", purchase), purchase);
    const std::string member = R"({"id":1,"username":"k","password_hash":"*AB"})";
    EXPECT_EQ(text_of("members", member), member);
    const std::string both =
        R"({"id":1,"username":"k","password_hash":"*AB","argon2id_hash":"$argon2id$x"})";
    EXPECT_EQ(text_of("members", both), both);
    EXPECT_EQ(
        text_of("members", R"({"id":1,"username":"k","password_hash":"*AB","argon2id_hash":""})"),
        member
    );
}

TEST(transfer_rows, a_position_has_one_text_and_is_on_the_earth) {
    EXPECT_EQ(
        text_of(
            "stores",
            R"({"lon":-1.80e2,"id":1,"name":"a","lat":"x","lat":52.520006610,"cell":3})"
        ),
        R"({"id":1,"name":"a","lat":52.52000661,"lon":-180})"
    );
    EXPECT_THAT(
        text_of("stores", R"({"id":1,"name":"a","lat":90.1,"lon":0})"),
        HasSubstr("lat and lon are not a position")
    );
    EXPECT_THAT(
        text_of("stores", R"({"id":1,"name":"a","lat":"1","lon":0})"),
        HasSubstr("lat is not a number")
    );
}

TEST(transfer_rows, a_hash_of_too_high_a_cost_is_refused) {
    const auto row = [](std::string_view own, std::string_view beside) {
        return fmt::format(
            R"({{"id":1,"username":"k","password_hash":"{}","argon2id_hash":"{}"}})",
            own,
            beside
        );
    };
    const std::string costly = "$argon2id$v=19$m=4194304,t=2,p=1$AAAA$AAAA";
    EXPECT_THAT(
        text_of("members", row(costly, "")),
        HasSubstr("password_hash: the argon2id hash costs m=4194304,t=2,p=1")
    );
    EXPECT_THAT(text_of("members", row("*AB", costly)), HasSubstr("argon2id_hash: the argon2id"));
}

TEST(transfer_rows, a_missing_or_wrong_member_is_named) {
    EXPECT_THAT(text_of("members", R"({"id":1,"username":"k"})"), HasSubstr("password_hash"));
    EXPECT_THAT(
        text_of("members", R"({"id":1,"username":7,"password_hash":""})"),
        HasSubstr("username is not a string")
    );
    EXPECT_THAT(
        text_of("members", R"({"id":0,"username":"k","password_hash":""})"),
        HasSubstr("id must be above 0")
    );
    EXPECT_THAT(
        text_of("goods", R"({"id":1,"name":"","category":"","price":1.00001,"description":""})"),
        HasSubstr("price is not an amount")
    );
    EXPECT_THAT(
        text_of("goods", R"({"id":1,"name":"","category":"","price":"1","description":""})"),
        HasSubstr("price is not an amount")
    );
    EXPECT_THAT(text_of("goods", "[]"), HasSubstr("! "));
    EXPECT_THAT(text_of("goods", R"({"id":1,"na)"), HasSubstr("! "));
    EXPECT_THAT(text_of("logs", "{}"), HasSubstr("no rows to move"));
}

} // namespace
} // namespace msd::store
