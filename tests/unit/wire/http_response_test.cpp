// SPDX-License-Identifier: Apache-2.0
#include "wire/http_response.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

TEST(http_response, writes_dates_in_the_format_of_http) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
    EXPECT_EQ(http_date(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(http_response, has_a_reason_phrase_for_every_status_in_use) {
    for (const int status : {100, 200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 411,
                             413, 414, 415, 417, 422, 429, 431, 500, 501, 502, 503, 504, 505}) {
        EXPECT_NE(reason_phrase(status), "Unknown") << status;
    }
    EXPECT_EQ(reason_phrase(299), "Unknown");
}

TEST(http_problem, has_the_members_of_problem_json_and_of_existing_clients) {
    EXPECT_EQ(
        problem_body({404, {}, {}, {}, {}, 0}),
        R"({"type":"about:blank","title":"Not Found","status":404,"errorcode":404,)"
        R"("errormessage":"Not Found"})"
    );
    EXPECT_EQ(
        problem_body({502, "T", "no \"node\"", "r", "goods", 2}),
        R"({"type":"about:blank","title":"T","status":502,"detail":"no \"node\"","errorcode":502,)"
        R"("errormessage":"no \"node\"","request_id":"r","service":"goods","attempts":2})"
    );
}

TEST(http_response, has_the_reason_phrases_of_exactly_the_registered_statuses) {
    std::string known;
    for (int status = 0; status < 1000; ++status) {
        if (reason_phrase(status) != "Unknown") {
            known += std::to_string(status) + " ";
        }
    }
    EXPECT_EQ(
        known,
        "100 101 102 103 200 201 202 203 204 205 206 207 208 226 300 301 302 303 304 305 307 308 "
        "400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 421 422 423 424 "
        "425 426 428 429 431 451 500 501 502 503 504 505 506 507 508 510 511 "
    );
    EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
    EXPECT_EQ(reason_phrase(503), "Service Unavailable");
}

} // namespace
} // namespace msd::wire
