// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"

#include <gmock/gmock.h>

namespace msd::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string pencil =
    R"({"name":"연필","category":"tests","price":1000,"description":"test"})";

class goods_service : public testing::Test {
protected:
    std::string list(const std::string& params = "{}") {
        return goods_.text("GET", "/goods", params);
    }

    service_under_test goods_{"goods"};
};

TEST_F(goods_service, has_no_data_at_first) {
    EXPECT_EQ(list(), "200 1 no data {}");
}

TEST_F(goods_service, lists_added_products) {
    EXPECT_EQ(goods_.text("POST", "/goods", pencil), R"(200 0 success {"id":1})");
    EXPECT_EQ(
        list(),
        R"(200 0 success {"results":[{"id":1,"name":"연필","category":"tests",)"
        R"("price":1000,"description":"test"}]})"
    );
}

TEST_F(goods_service, returns_a_price_exactly_and_without_trailing_zeros) {
    goods_
        .text("POST", "/goods", R"({"name":"a","category":"b","price":"4.1500","description":""})");
    EXPECT_THAT(list(), HasSubstr(R"("price":4.15,)"));
}

TEST_F(goods_service, escapes_texts_in_lists) {
    goods_.text(
        "POST",
        "/goods",
        R"({"name":"\"","category":"\\","price":1,"description":"\n\u0001¶"})"
    );
    const auto answer = goods_.ask("GET", "/goods", "{}");
    EXPECT_THAT(answer.members, HasSubstr(R"("category":"\\")"));
    EXPECT_TRUE(json::parse("{" + answer.members + "}"));
}

TEST_F(goods_service, names_every_invalid_parameter_of_a_product) {
    EXPECT_EQ(
        goods_.text("POST", "/goods", R"({"name":"","price":0.00001})"),
        "422 1 Invalid Parameters {\"errors\":["
        "{\"field\":\"name\",\"problem\":\"must not be empty\"},"
        "{\"field\":\"category\",\"problem\":\"is required\"},"
        "{\"field\":\"price\",\"problem\":\"must be a number from -9e14 to 9e14 with at "
        "most 4 decimals\"},"
        "{\"field\":\"description\",\"problem\":\"is required\"}]}"
    );
    EXPECT_EQ(list(), "200 1 no data {}");
}

TEST_F(goods_service, finds_a_product_by_id_on_both_paths) {
    goods_.text("POST", "/goods", pencil);
    goods_.text("POST", "/goods", pencil);
    for (const auto* const path : {"/goods", "/goods/{id}"}) {
        EXPECT_THAT(
            goods_.text("GET", path, R"({"id":"2"})"),
            StartsWith(R"(200 0 success {"results":[{"id":2,"name":"연필")")
        );
        EXPECT_THAT(goods_.text("GET", path, R"({"id":3})"), StartsWith("404 1 "));
        EXPECT_THAT(goods_.text("GET", path, R"({"id":"x"})"), StartsWith("422 1 "));
        EXPECT_THAT(goods_.text("GET", path, R"({"id":0})"), StartsWith("422 1 "));
    }
}

TEST_F(goods_service, pages_and_filters) {
    for (int i = 0; i < 3; ++i) {
        goods_.text("POST", "/goods", pencil);
    }
    goods_.text("POST", "/goods", R"({"name":"x","category":"other","price":1,"description":""})");
    EXPECT_THAT(list(R"({"limit":2})"), HasSubstr(R"("next":2)"));
    EXPECT_THAT(
        list(R"({"limit":2,"after":2})"),
        StartsWith(R"(200 0 success {"results":[{"id":3)")
    );
    EXPECT_THAT(list(R"({"limit":2,"after":2})"), testing::Not(HasSubstr("next")));
    EXPECT_THAT(
        list(R"({"category":"other"})"),
        StartsWith(R"(200 0 success {"results":[{"id":4)")
    );
    EXPECT_EQ(list(R"({"category":"none"})"), "200 1 no data {}");
    EXPECT_THAT(list(R"({"limit":1001})"), StartsWith("422 1 "));
    EXPECT_THAT(list(R"({"limit":0})"), StartsWith("422 1 "));
    EXPECT_THAT(list(R"({"after":-1})"), StartsWith("422 1 "));
}

TEST_F(goods_service, replaces_a_product_on_both_paths) {
    goods_.text("POST", "/goods", pencil);
    for (const auto* const path : {"/goods", "/goods/{id}"}) {
        EXPECT_THAT(
            goods_.text(
                "PUT",
                path,
                R"({"id":1,"name":")" + std::string{path} +
                    R"(","category":"c","price":2,"description":"d"})"
            ),
            StartsWith("200 0 success")
        );
        EXPECT_THAT(list(), HasSubstr(std::string{"\"name\":\""} + path + "\""));
        EXPECT_THAT(
            goods_.text(
                "PUT",
                path,
                R"({"id":2,"name":"n","category":"c","price":2,"description":"d"})"
            ),
            StartsWith("404 1 ")
        );
        EXPECT_THAT(goods_.text("PUT", path, pencil), StartsWith("422 1 "));
    }
}

TEST_F(goods_service, deletes_on_both_paths_and_succeeds_for_an_unknown_id) {
    for (const auto* const path : {"/goods", "/goods/{id}"}) {
        const auto added = goods_.ask("POST", "/goods", pencil).members;
        EXPECT_EQ(goods_.text("DELETE", path, "{" + added + "}"), "200 0 success {}");
        EXPECT_EQ(goods_.text("DELETE", path, "{" + added + "}"), "200 0 success {}");
        EXPECT_THAT(goods_.text("DELETE", path, "{}"), StartsWith("422 1 Invalid Parameters"));
    }
    EXPECT_EQ(list(), "200 1 no data {}");
}

TEST_F(goods_service, gives_a_repeated_request_the_same_reply_even_after_a_restart) {
    const auto first = goods_.text("POST", "/goods", pencil, "key");
    EXPECT_EQ(goods_.text("POST", "/goods", pencil, "key"), first);
    goods_.restart();
    EXPECT_EQ(goods_.text("POST", "/goods", pencil, "key"), first);
    EXPECT_EQ(
        goods_.text(
            "POST",
            "/goods",
            R"({"name":"n","category":"c","price":2,"description":"d"})",
            "key"
        ),
        "422 1 Idempotency-Key was used for a different request {}"
    );
    EXPECT_THAT(goods_.text("DELETE", "/goods", R"({"id":1})", "key"), StartsWith("422 1 "));
    EXPECT_THAT(list(), testing::Not(HasSubstr("\"id\":2")));
}

TEST_F(goods_service, answers_503_when_the_store_does_not_answer_in_time) {
    goods_.until = deadline::in(milliseconds{-1});
    EXPECT_EQ(list(), "503 1 store unavailable {}");
}

TEST_F(goods_service, keeps_a_page_within_its_bounds) {
    const std::string text(16'383, '\x01'); // six bytes each in JSON
    std::string body = R"({"name":"n","category":"c","price":1,"description":)";
    body += json::quote(text) + "}";
    for (int i = 0; i < 12; ++i) {
        EXPECT_THAT(goods_.text("POST", "/goods", body), StartsWith("200 0 "));
    }
    const auto answer = goods_.ask("GET", "/goods", "{}");
    EXPECT_LE(answer.members.size(), std::size_t{901} * 1024);
    EXPECT_THAT(answer.members, HasSubstr("\"next\":"));
}

TEST_F(goods_service, announces_changes_and_nothing_else) {
    const std::string change = R"({"id":1,"name":"b","category":"c","price":2,"description":""})";
    const std::string other = R"({"id":9,"name":"b","category":"c","price":2,"description":""})";
    auto& said = goods_.changes().said;
    goods_.text("POST", "/goods", pencil);
    EXPECT_EQ(said, (std::vector<std::string>{"goods 1"})) << "the product did not exist before";
    list();
    goods_.text("PUT", "/goods", other);
    goods_.text("PUT", "/goods", R"({"id":1})");
    EXPECT_EQ(said.size(), 1U) << "the product has not changed";
    goods_.text("PUT", "/goods/{id}", change);
    EXPECT_EQ(said.size(), 2U);
    goods_.text("DELETE", "/goods", R"({"id":1})");
    EXPECT_EQ(said, (std::vector<std::string>(3, "goods 1")));
}

TEST_F(goods_service, announces_a_change_that_may_have_been_made) {
    goods_.text("POST", "/goods", pencil);
    goods_.until = deadline{clock::now()};
    EXPECT_THAT(
        goods_.text(
            "PUT",
            "/goods",
            R"({"id":1,"name":"b","category":"c","price":2,"description":""})"
        ),
        StartsWith("503 1 ")
    );
    EXPECT_EQ(goods_.changes().said.size(), 2U);
}

} // namespace
} // namespace msd::test
