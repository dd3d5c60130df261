// SPDX-License-Identifier: Apache-2.0
#include "wire/http_response_parser.hpp"

#include "wire/http_connection_fields.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message_reader.hpp"

#include <cassert>
#include <utility>

namespace msd::wire {

namespace {

// What a parser may keep from one reply to the next.
constexpr std::size_t kept_field_bytes_max = 1024;

constexpr int switching = 101;

// Ready for the next head.
void clear(http_response& response) {
    http_fields headers = std::move(response.headers);
    headers.clear();
    response = {};
    response.headers = std::move(headers);
}

// The fields that decide where the body ends.
struct framing_fields {
    const std::string_view* length = nullptr;
    const std::string_view* transfer_coding = nullptr;
};

http_fault find_framing(const http_fields& fields, framing_fields& out) {
    for (const http_header& header : fields) {
        if (same_text(header.name, "Content-Length")) {
            if (out.length != nullptr) {
                return {400, "more than one Content-Length"};
            }
            out.length = &header.value;
        } else if (same_text(header.name, "Transfer-Encoding")) {
            if (out.transfer_coding != nullptr) {
                return {400, "more than one Transfer-Encoding"};
            }
            out.transfer_coding = &header.value;
        }
    }
    return {};
}

// RFC 9112, 6.3: two implementations must not come to different lengths of the body.
http_fault read_framing(http_response& response) {
    framing_fields found;
    if (const http_fault bad = find_framing(response.headers, found)) {
        return bad;
    }
    if (found.transfer_coding != nullptr) {
        if (found.length != nullptr) {
            return {400, "Transfer-Encoding together with Content-Length"};
        }
        if (response.minor_version == 0) {
            return {400, "Transfer-Encoding in HTTP/1.0"};
        }
        if (!same_text(*found.transfer_coding, "chunked")) {
            return {400, "a Transfer-Encoding other than chunked"};
        }
        response.chunked = true;
    }
    if (found.length != nullptr) {
        response.content_length = content_length_of(*found.length);
        if (!response.content_length) {
            return {400, "a malformed Content-Length"};
        }
    }
    return {};
}

// RFC 9110, 7.8 and 15.2.2
http_fault read_switch(http_response& response, bool is_named, bool is_asked) {
    response.upgrade = upgrade_of(response.headers);
    if (!is_asked || response.minor_version == 0) {
        return {400, "101 Switching Protocols, and the request had no Upgrade"};
    }
    if (!is_named || response.upgrade.empty()) {
        return {400, "101 Switching Protocols without Upgrade"};
    }
    return {};
}

bool can_have_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

} // namespace

struct http_response_parser::state final : http_message_reader {
    explicit state(limits chosen) : http_message_reader{HTTP_RESPONSE, chosen} {
        keep_fields_in(response.headers);
        wait_for_restart();
    }

    void expect(expectation chosen) {
        assert(is_complete());
        request = chosen;
        interims = 0;
        clear(response);
        restart();
    }

    void drop_response() {
        assert(is_complete());
        response.headers.clear_and_keep(kept_field_bytes_max);
        clear(response);
        restart();
        wait_for_restart();
    }

    http_response response;
    expectation request;
    int interims = 0;

private:
    [[nodiscard]] http_fault check_first_byte(char first) const override {
        return first == 'H' ? http_fault{} : http_fault{400, "not a reply of HTTP/1.1"};
    }

    [[nodiscard]] http_fault start_line_too_long(std::string_view /*begin*/) const override {
        return {400, "the status line is too long"};
    }

    [[nodiscard]] http_fault count_empty_line() override {
        return {400, "an empty line before the reply"};
    }

    [[nodiscard]] http_fault read_start_line(std::string_view content) override {
        http_status_line parts;
        if (const http_fault bad = read_status_line(content, parts)) {
            return bad;
        }
        clear(response); // of an interim reply
        response.status = parts.status;
        response.minor_version = parts.minor_version;
        return feed_machine(line()) ? http_fault{} : machine_fault();
    }

    [[nodiscard]] http_fault read_head_end(continuation& next) override;
};

http_fault http_response_parser::state::read_head_end(continuation& next) {
    const connection_options options = read_connection(response.headers);
    if (const http_fault bad = read_framing(response)) {
        return bad;
    }
    if (response.is_interim()) {
        next.is_interim = true;
        if (++interims > interims_max) {
            return {400, "too many informational replies"};
        }
    } else if (response.status == switching) {
        if (const http_fault bad = read_switch(response, options.upgrade, request.upgrade)) {
            return bad;
        }
        next.framing = http_framing::until_close;
    } else if (!request.head && can_have_body(response.status)) {
        next.bytes = response.content_length.value_or(0);
        next.framing = response.chunked           ? http_framing::chunked
                       : !response.content_length ? http_framing::until_close
                       : next.bytes != 0          ? http_framing::counted
                                                  : http_framing::none;
    }
    response.has_body = next.framing != http_framing::none;
    response.until_close = next.framing == http_framing::until_close;
    response.chunked = next.framing == http_framing::chunked;
    response.keep_alive = !response.until_close && !options.close &&
                          (options.keep_alive || response.minor_version >= 1);
    response.idle_s = announced_idle_s(response.headers);
    remove_connection_fields(response.headers);
    return {};
}

http_response_parser::http_response_parser(limits chosen)
    : state_{std::make_unique<state>(chosen)} {}

http_response_parser::~http_response_parser() = default;

void http_response_parser::expect(expectation request) {
    state_->expect(request);
}

http_response_parser::outcome http_response_parser::feed(std::string_view bytes) {
    return state_->feed(bytes);
}

http_response_parser::event http_response_parser::end() {
    return state_->end();
}

http_response& http_response_parser::response() {
    return state_->response;
}

const http_response& http_response_parser::response() const {
    return state_->response;
}

std::string_view http_response_parser::body_piece() const {
    return state_->body_piece();
}

const http_fields& http_response_parser::trailers() const {
    return state_->trailers();
}

const char* http_response_parser::failure_text() const {
    return state_->fault().text;
}

bool http_response_parser::is_complete() const {
    return state_->is_complete();
}

bool http_response_parser::has_begun() const {
    return state_->interims > 0 || !state_->is_before_message();
}

void http_response_parser::drop_response() {
    state_->drop_response();
}

std::size_t http_response_parser::held_bytes() const {
    return state_->held_bytes();
}

} // namespace msd::wire
