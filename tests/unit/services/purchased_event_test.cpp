// SPDX-License-Identifier: Apache-2.0
#include "services/events/purchased_event.hpp"
#include "store/purchase_events.hpp"

#include <gtest/gtest.h>

namespace msd::services {
namespace {

store::event_fields with_data(std::string data) {
    store::event_fields event;
    event.data = std::move(data);
    return event;
}

std::string problem_of(std::string data) {
    const auto read = read_purchased(with_data(std::move(data)));
    return read ? "none" : read.error().field + " " + read.error().text;
}

TEST(purchased_events, are_read_as_the_store_writes_them) {
    store::purchase_row row{.id = 9, .fields = {7, 3, -2, money::parse("1.25").value()}};
    row.date_ms = 1'700'000'000'123;
    const auto read = read_purchased(with_data(store::purchased(row).data));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->id, 9);
    EXPECT_EQ(read->userid, 7);
    EXPECT_EQ(read->goodsid, 3);
    EXPECT_EQ(read->quantity, -2);
    EXPECT_EQ(read->price, money::parse("1.25").value());
    EXPECT_EQ(read->date_ms, row.date_ms);
    row.fields.price.reset();
    EXPECT_EQ(read_purchased(with_data(store::purchased(row).data))->price, std::nullopt);
}

TEST(purchased_events, are_refused_with_the_member) {
    EXPECT_EQ(problem_of(""), "data must be a JSON object");
    EXPECT_EQ(problem_of("7"), "data must be a JSON object");
    EXPECT_EQ(problem_of(R"({"id":1,"userid":"x"})"), "data.userid must be an integer");
    const std::string whole = R"({"id":1,"userid":2,"goodsid":3,"quantity":4,"date_ms":5)";
    EXPECT_EQ(problem_of(whole + "}"), "none");
    EXPECT_EQ(
        problem_of(whole + R"(,"price":"1"})"),
        "data.price must be a number with at most four decimals, or null"
    );
    EXPECT_EQ(
        problem_of(whole + R"(,"price":1.00001})"),
        "data.price must be a number with at most four decimals, or null"
    );
}

} // namespace
} // namespace msd::services
