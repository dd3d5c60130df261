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

} // namespace
} // namespace msd::wire
