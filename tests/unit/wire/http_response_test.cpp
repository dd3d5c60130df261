// SPDX-License-Identifier: Apache-2.0
#include "wire/http_response.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

std::string written(const http_response_head& head) {
    std::string out;
    append_response_head(out, head);
    return out;
}

TEST(http_response, writes_a_complete_head) {
    http_response_head head;
    head.status = 201;
    head.content_type = "application/json";
    head.content_length = 12;
    head.date = "Sun, 06 Nov 1994 08:49:37 GMT";
    head.request_id = "r1";
    head.extra = "Allow: GET\r\nRetry-After: 1\r\n";
    EXPECT_EQ(
        written(head),
        "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: 12\r\nX-Request-Id: r1\r\n"
        "Allow: GET\r\nRetry-After: 1\r\n\r\n"
    );
}

TEST(http_response, writes_connection_where_it_differs_from_the_default) {
    http_response_head head;
    EXPECT_EQ(written(head), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    head.minor_version = 0;
    EXPECT_NE(written(head).find("Connection: keep-alive\r\n"), std::string::npos);
    head.keep_alive = false;
    EXPECT_NE(written(head).find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(written(head).find("keep-alive"), std::string::npos);
}

TEST(http_response, writes_no_content_length_where_no_body_is_allowed) {
    http_response_head head;
    for (const int status : {100, 204}) {
        head.status = status;
        EXPECT_EQ(written(head).find("Content-Length"), std::string::npos) << status;
    }
}

TEST(http_response, aborts_when_a_value_contains_a_line_break) {
    const auto with_id = [](std::string_view id) {
        http_response_head head;
        head.request_id = id;
        return written(head);
    };
    const auto with_extra = [](std::string_view extra) {
        http_response_head head;
        head.extra = extra;
        return written(head);
    };
    EXPECT_DEATH(with_id("a\r\nSet-Cookie: b"), "");
    EXPECT_DEATH(with_id("a\nb"), "");
    EXPECT_DEATH(with_extra("A: b"), "");
    EXPECT_DEATH(with_extra("\r\n"), "");
    EXPECT_DEATH(with_extra("A: b\r\n\r\nC: d\r\n"), "");
    EXPECT_DEATH(with_extra("A: b\nC: d\r\n"), "");
}

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

TEST(http_response, aborts_on_a_status_out_of_range_or_a_malformed_field) {
    const auto with_status = [](int status) {
        http_response_head head;
        head.status = status;
        return written(head);
    };
    EXPECT_DEATH(with_status(99), "");
    EXPECT_DEATH(with_status(600), "");
    EXPECT_EQ(with_status(599).find("HTTP/1.1 599 Unknown\r\n"), 0U);
    http_response_head head;
    head.request_id = "a\tb c";
    EXPECT_NE(written(head).find("X-Request-Id: a\tb c\r\n"), std::string::npos);
    for (const char* malformed : {"a\x7F", "a\x1F"}) {
        head.request_id = malformed;
        EXPECT_DEATH(written(head), "") << malformed;
    }
    head.request_id = {};
    head.extra = ": b\r\n";
    EXPECT_DEATH(written(head), "");
}

TEST(http_response, writes_the_content_length_of_every_status_that_may_have_one) {
    http_response_head head;
    head.content_length = 7;
    for (const int status : {200, 201, 203, 205, 304, 500}) {
        head.status = status;
        EXPECT_NE(written(head).find("Content-Length: 7\r\n"), std::string::npos) << status;
    }
    head.status = 199;
    EXPECT_EQ(written(head).find("Content-Length"), std::string::npos);
}

} // namespace
} // namespace msd::wire
