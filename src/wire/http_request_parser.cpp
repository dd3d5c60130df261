// SPDX-License-Identifier: Apache-2.0
#include "wire/http_request_parser.hpp"

#include "wire/http_char.hpp"
#include "wire/http_head.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message_reader.hpp"

#include <cassert>

namespace msd::wire {

namespace {

// What a parser may keep from one request to the next.
constexpr std::size_t kept_field_bytes_max = 512;
constexpr std::size_t kept_text_bytes_max = 64;

constexpr http_fault unknown_method{501, "unknown method"};

void clear_and_keep(std::string& text) {
    if (text.capacity() > kept_text_bytes_max) {
        text = std::string{};
    } else {
        text.clear();
    }
}

// Ready for the next request.
void clear(http_request& request) {
    http_request fresh;
    clear_and_keep(request.method);
    clear_and_keep(request.target);
    request.headers.clear_and_keep(kept_field_bytes_max);
    fresh.method.swap(request.method);
    fresh.target.swap(request.target);
    fresh.headers = std::move(request.headers);
    request = std::move(fresh);
}

} // namespace

struct http_request_parser::state final : http_message_reader {
    explicit state(limits chosen) : http_message_reader{HTTP_REQUEST, chosen} {
        keep_fields_in(request.headers);
    }

    void next_request() {
        assert(is_complete());
        clear(request);
        empty_lines = 0;
        restart();
    }

    http_request request;
    int empty_lines = 0;

private:
    [[nodiscard]] http_fault check_first_byte(char first) const override {
        return is_token_char(first)
                   ? http_fault{}
                   : http_fault{400, "not an HTTP request: send HTTP/1.1 without TLS"};
    }

    [[nodiscard]] http_fault start_line_too_long(std::string_view begin) const override {
        return begin.find(' ') != std::string_view::npos
                   ? http_fault{414, "the request target is too long"}
                   : unknown_method;
    }

    [[nodiscard]] http_fault count_empty_line() override { // RFC 9112, 2.2
        return ++empty_lines > empty_lines_max
                   ? http_fault{400, "empty lines before the request: send none"}
                   : http_fault{};
    }

    [[nodiscard]] http_fault read_start_line(std::string_view content) override;
    [[nodiscard]] http_fault feed_start_line();

    [[nodiscard]] http_fault read_head_end(continuation& next) override {
        const http_fault bad = interpret_head(request);
        next.bytes = request.content_length.value_or(0);
        next.framing = request.chunked   ? http_framing::chunked
                       : next.bytes != 0 ? http_framing::counted
                                         : http_framing::none;
        return bad;
    }
};

http_fault http_request_parser::state::read_start_line(std::string_view content) {
    http_request_line parts;
    if (const http_fault bad = read_request_line(content, parts)) {
        return bad;
    }
    if (parts.method.size() > method_bytes_max) {
        return unknown_method;
    }
    if (parts.target.size() > target_bytes_max) {
        return {414, "the request target is too long"};
    }
    request.method = parts.method;
    request.target = parts.target;
    request.minor_version = parts.minor_version;
    http_target target;
    if (const http_fault bad = read_target(request.method, request.target, target)) {
        return bad;
    }
    request.path = target.path;
    request.query = target.query;
    return feed_start_line();
}

// llhttp accepts the registered methods only. Any other token is a method, too (RFC 9110, 9.1), and
// llhttp reads it as a GET: the method decides nothing about the rest of the message.
http_fault http_request_parser::state::feed_start_line() {
    if (feed_machine(line())) {
        return {};
    }
    if (llhttp_get_errno(&machine()) == HPE_INVALID_URL) {
        return machine_fault();
    }
    request.is_known_method = false;
    llhttp_reset(&machine());
    const bool is_read = feed_machine("GET") && feed_machine(line().substr(request.method.size()));
    return is_read ? http_fault{} : machine_fault();
}

http_request_parser::http_request_parser(limits chosen) : state_{std::make_unique<state>(chosen)} {}

http_request_parser::~http_request_parser() = default;

http_request_parser::outcome http_request_parser::feed(std::string_view bytes) {
    return state_->feed(bytes);
}

const http_request& http_request_parser::request() const {
    return state_->request;
}

std::string_view http_request_parser::body_piece() const {
    return state_->body_piece();
}

const http_fields& http_request_parser::trailers() const {
    return state_->trailers();
}

int http_request_parser::failure_status() const {
    return state_->fault().status;
}

std::string_view http_request_parser::failure_text() const {
    return state_->fault().text;
}

bool http_request_parser::in_message() const {
    return !state_->is_before_message() && !state_->is_complete();
}

void http_request_parser::next_request() {
    state_->next_request();
}

void http_request_parser::abandon(const char* text) {
    state_->request = {};
    state_->abandon({503, text});
}

std::size_t http_request_parser::held_bytes() const {
    const http_request& request = state_->request;
    return state_->held_bytes() + request.method.capacity() + request.target.capacity();
}

const std::string_view* http_request::header(std::string_view name) const {
    return headers.find(name);
}

} // namespace msd::wire
