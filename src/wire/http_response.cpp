// SPDX-License-Identifier: Apache-2.0
#include "wire/http_response.hpp"

#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <iterator>
#include <utility>

namespace msd::wire {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 40> reasons{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, // RFC 6585, like 429
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

constexpr bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7F';
}

bool is_field_value(std::string_view text) {
    return std::ranges::none_of(text, is_control);
}

// Whether `lines` are complete lines `name: value` CR LF, without one that ends the head.
bool are_header_lines(std::string_view lines) {
    while (!lines.empty()) {
        const std::size_t end = lines.find("\r\n");
        if (end == std::string_view::npos) {
            return false;
        }
        const std::string_view line = lines.substr(0, end);
        const std::size_t colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos || !is_field_value(line)) {
            return false;
        }
        lines.remove_prefix(end + 2);
    }
    return true;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        assert(is_field_value(value)); // a line end in the value would forge a header or response
        out.append(name).append(": ").append(value).append("\r\n");
    }
}

// RFC 9110, 8.6: replies with 1xx and 204 have no Content-Length.
bool has_content_length(int status) {
    return status >= 200 && status != 204;
}

} // namespace

std::string_view reason_phrase(int status) {
    const auto* const found =
        std::ranges::find(reasons, status, &std::pair<int, std::string_view>::first);
    return found == reasons.end() ? std::string_view{"Unknown"} : found->second;
}

void append_response_head(std::string& out, const http_response_head& head) {
    assert(head.status >= 100 && head.status <= 599);
    assert(are_header_lines(head.extra));
    fmt::format_to(
        std::back_inserter(out),
        "HTTP/1.1 {} {}\r\n",
        head.status,
        reason_phrase(head.status)
    );
    append_field(out, "Date", head.date);
    append_field(out, "Content-Type", head.content_type);
    if (has_content_length(head.status)) {
        fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", head.content_length);
    }
    if (!head.keep_alive) {
        out += "Connection: close\r\n";
    } else if (head.minor_version == 0) {
        out += "Connection: keep-alive\r\n";
    }
    append_field(out, "X-Request-Id", head.request_id);
    out.append(head.extra).append("\r\n");
}

std::string http_date(std::int64_t unix_seconds) {
    using namespace std::chrono;
    constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12>
        months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const sys_seconds moment{seconds{unix_seconds}};
    const auto day = floor<std::chrono::days>(moment);
    const year_month_day date{day};
    const hh_mm_ss time{moment - day};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        days.at(weekday{day}.c_encoding()),
        static_cast<unsigned>(date.day()),
        months.at(static_cast<unsigned>(date.month()) - 1),
        static_cast<int>(date.year()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count()
    );
}

std::string problem_body(const problem& what) {
    const std::string_view title = what.title.empty() ? reason_phrase(what.status) : what.title;
    std::string body;
    json::writer out{body};
    out.begin_object().key("type").string("about:blank").key("title").string(title);
    out.key("status").integer(what.status);
    if (!what.detail.empty()) {
        out.key("detail").string(what.detail);
    }
    out.key("errorcode").integer(what.status);
    out.key("errormessage").string(what.detail.empty() ? title : what.detail);
    if (!what.request_id.empty()) {
        out.key("request_id").string(what.request_id);
    }
    if (!what.service.empty()) {
        out.key("service").string(what.service);
    }
    if (what.attempts != 0) {
        out.key("attempts").integer(what.attempts);
    }
    out.end_object();
    return body;
}

} // namespace msd::wire
