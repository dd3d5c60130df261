// SPDX-License-Identifier: Apache-2.0
#include "integration/services/service_under_test.hpp"

#include <gmock/gmock.h>

namespace msd::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class purchases_service : public testing::Test {
protected:
    void SetUp() override { goods_says(R"({"errorcode":0,"results":[{"id":7,"price":4.15}]})"); }

    void goods_says(std::string body, int status = 200) {
        services::peer_caller::answer answer;
        answer.body = std::move(body);
        answer.status = status;
        purchases_.peer().reply = answer;
    }
    std::string buy(const std::string& params, std::string key = {}) {
        return purchases_.text("POST", "/purchases", params, std::move(key));
    }
    std::string list(const std::string& params = R"({"userid":1})") {
        return purchases_.text("GET", "/purchases", params);
    }

    service_under_test purchases_{"purchases"};
};

TEST_F(purchases_service, stores_the_price_that_goods_reports_at_the_time_of_purchase) {
    EXPECT_EQ(buy(R"({"userid":1,"goodsid":7})"), R"(200 0 success {"id":1})");
    EXPECT_THAT(purchases_.peer().asked, testing::ElementsAre(R"(GET /goods {"id":7})"));
    goods_says(R"({"errorcode":0,"results":[{"id":7,"price":9}]})");
    EXPECT_THAT(
        list(),
        MatchesRegex(R"(200 0 success \{"results":\[\{"id":1,"goodsid":7,)"
                     R"("date":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z",)"
                     R"("quantity":1,"price":4\.15\}\]\})")
    );
}

TEST_F(purchases_service, stores_the_quantity_and_accepts_returns) {
    buy(R"({"userid":"1","goodsid":"7","quantity":"12"})");
    buy(R"({"userid":1,"goodsid":7,"quantity":-3})");
    EXPECT_THAT(list(), HasSubstr(R"("quantity":12)"));
    EXPECT_THAT(list(), HasSubstr(R"("quantity":-3)"));
}

TEST_F(purchases_service, refuses_an_invalid_quantity) {
    EXPECT_EQ(
        buy(R"({"userid":1,"goodsid":7,"quantity":0})"),
        R"(422 1 Invalid Parameters {"errors":[{"field":"quantity","problem":"must not be 0"}]})"
    );
    EXPECT_THAT(buy(R"({"userid":1,"goodsid":7,"quantity":1.5})"), StartsWith("422 1 "));
    EXPECT_THAT(purchases_.peer().asked, testing::IsEmpty());
}

TEST_F(purchases_service, refuses_unknown_goods) {
    const std::string purchase = R"({"userid":1,"goodsid":8})";
    EXPECT_EQ(buy(purchase), "422 1 unknown goods {}");
    goods_says(R"({"errorcode":1,"errormessage":"unknown id"})", 404);
    EXPECT_EQ(buy(purchase), "422 1 unknown goods {}");
    goods_says(R"({"errorcode":1,"errormessage":"no data"})", 0);
    EXPECT_EQ(buy(purchase), "422 1 unknown goods {}");
    EXPECT_EQ(list(), R"(200 0 success {"results":[]})");
}

TEST_F(purchases_service, writes_nothing_while_goods_is_unavailable) {
    const std::string purchase = R"({"userid":1,"goodsid":7})";
    purchases_.peer().reply = fail(errc::timeout, "10.0.0.7:9010 is silent");
    EXPECT_EQ(buy(purchase), "503 1 goods unavailable {}");
    goods_says(R"({"errorcode":1,"errormessage":"store unavailable"})", 503);
    EXPECT_EQ(buy(purchase), "503 1 goods unavailable {}");
    goods_says("{broken");
    EXPECT_EQ(buy(purchase), "503 1 goods unavailable {}");
    EXPECT_EQ(list(), R"(200 0 success {"results":[]})");
}

TEST_F(purchases_service, waits_for_goods_at_most_half_of_the_time_left) {
    const auto before = clock::now();
    purchases_.until = deadline{before + milliseconds{60'000}};
    buy(R"({"userid":1,"goodsid":7})");
    const auto half = before + milliseconds{30'000};
    EXPECT_GE(purchases_.peer().last_deadline.at(), half);
    EXPECT_LT(purchases_.peer().last_deadline.at(), half + milliseconds{15'000});
}

TEST_F(purchases_service, requests_a_product_once_for_many_purchases) {
    for (int i = 0; i < 5; ++i) {
        EXPECT_THAT(buy(R"({"userid":1,"goodsid":7})"), StartsWith("200 0 success"));
    }
    EXPECT_EQ(purchases_.peer().asked.size(), 1U);
    purchases_.peer().reply = fail(errc::timeout, "hung");
    EXPECT_THAT(buy(R"({"userid":1,"goodsid":7})"), StartsWith("200 0 success"));
    EXPECT_EQ(buy(R"({"userid":1,"goodsid":8})"), "503 1 goods unavailable {}");
}

TEST_F(purchases_service, uses_the_new_price_once_the_change_is_announced) {
    buy(R"({"userid":1,"goodsid":7})");
    goods_says(R"({"errorcode":0,"results":[{"id":7,"price":900719925474.0993}]})");
    purchases_.running().changed({"members", {3, 7}});
    buy(R"({"userid":1,"goodsid":7})");
    EXPECT_THAT(list(), Not(HasSubstr("900719925474.0993")));
    purchases_.running().changed({"goods", {3, 7}});
    buy(R"({"userid":1,"goodsid":7})");
    EXPECT_THAT(list(), HasSubstr(R"("price":900719925474.0993)"));
}

TEST_F(purchases_service, lists_the_purchases_of_a_member_in_pages) {
    for (int i = 0; i < 3; ++i) {
        buy(R"({"userid":1,"goodsid":7})");
        buy(R"({"userid":2,"goodsid":7})");
    }
    EXPECT_THAT(list(R"({"userid":1,"limit":2})"), HasSubstr(R"("next":3)"));
    EXPECT_THAT(list(R"({"userid":1,"after":3})"), HasSubstr(R"("id":5)"));
    EXPECT_THAT(list(R"({"userid":1,"after":3})"), Not(HasSubstr(R"("id":3)")));
    EXPECT_THAT(list("{}"), StartsWith("422 1 Invalid Parameters"));
}

TEST_F(purchases_service, gives_a_repeated_request_the_same_reply_without_asking_goods) {
    const std::string purchase = R"({"userid":1,"goodsid":7,"quantity":2})";
    const auto first = buy(purchase, "key");
    purchases_.peer().reply = fail(errc::unavailable, "gone");
    EXPECT_EQ(buy(purchase, "key"), first);
    EXPECT_EQ(purchases_.peer().asked.size(), 1U);
    EXPECT_EQ(
        buy(R"({"userid":1,"goodsid":7,"quantity":3})", "key"),
        "422 1 Idempotency-Key was used for a different request {}"
    );
    EXPECT_THAT(list(), Not(HasSubstr(R"("id":2)")));
}

} // namespace
} // namespace msd::test
