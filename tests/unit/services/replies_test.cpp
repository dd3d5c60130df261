// SPDX-License-Identifier: Apache-2.0
#include "services/digest.hpp"
#include "services/store_replies.hpp"
#include "services/utc_text.hpp"

#include <array>
#include <gtest/gtest.h>
#include <set>

namespace msd::services {
namespace {

TEST(utc_text, is_iso_8601_with_milliseconds) {
    EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(utc_text(1'709'208'305'042), "2024-02-29T12:05:05.042Z");
    EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
}

TEST(invalid_parameters, names_every_field_and_its_problem) {
    const std::array problems{
        arguments::problem{"name", "is required"},
        arguments::problem{"price", "must be \"x\""}};
    const auto answer = invalid_parameters(problems);
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.errorcode, 1);
    EXPECT_EQ(answer.errormessage, "Invalid Parameters");
    EXPECT_EQ(
        answer.members,
        R"("errors":[{"field":"name","problem":"is required"},)"
        R"({"field":"price","problem":"must be \"x\""}])"
    );
}

TEST(store_failure, gives_a_status_for_each_error_without_details_of_the_store) {
    const std::set<std::pair<errc, int>> statuses{
        {errc::not_found, 404},
        {errc::conflict, 409},
        {errc::invalid, 422},
        {errc::malformed, 422},
        {errc::unavailable, 503},
        {errc::timeout, 503},
        {errc::internal, 500}};
    for (const auto& [code, status] : statuses) {
        const auto answer = store_failure({code, "SELECT secret FROM /var/lib/x.db"});
        EXPECT_EQ(answer.status, status);
        EXPECT_EQ(answer.errorcode, 1);
        EXPECT_EQ((answer.errormessage + answer.members).find("secret"), std::string::npos);
    }
}

TEST(page_reply, has_empty_results_for_an_empty_page) {
    const auto answer = page_reply({});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.errorcode, 0);
    EXPECT_EQ(answer.members, R"("results":[])");
}

TEST(page_reply, has_the_id_after_which_the_next_page_begins) {
    const auto answer = page_reply({.rows = "1,2", .count = 2, .next = 42});
    EXPECT_EQ(answer.errorcode, 0);
    EXPECT_EQ(answer.members, R"("results":[1,2],"next":42)");
}

TEST(idempotency_of, distinguishes_operations_with_the_same_key) {
    call asked;
    EXPECT_FALSE(idempotency_of(asked, "POST/goods"));
    asked.idempotency_key = "k";
    const auto post = idempotency_of(asked, "POST/goods");
    EXPECT_EQ(post->key, "k");
    EXPECT_EQ(post->fingerprint, idempotency_of(asked, "POST/goods")->fingerprint);
    EXPECT_NE(post->fingerprint, idempotency_of(asked, "PUT/goods")->fingerprint);
}

TEST(idempotency_of, stores_a_very_long_key_as_its_digest) {
    call asked;
    asked.idempotency_key.assign(5000, 'k');
    const auto mark = idempotency_of(asked, "POST/goods");
    EXPECT_EQ(mark->key, digest_of(asked.idempotency_key));
    EXPECT_EQ(mark->key.size(), 64U);
}

} // namespace
} // namespace msd::services
