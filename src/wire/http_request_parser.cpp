// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one parser, callbacks and checks that share its state.
#include "wire/http_request_parser.hpp"

#include "wire/http_head.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <cassert>
#include <llhttp.h>
#include <utility>

namespace msd::wire {

namespace {

// What a parser may keep from one request to the next.
constexpr std::size_t kept_headers_max = 8;
constexpr std::size_t kept_line_bytes_max = 64;

constexpr std::string_view line_end = "\r\n";
constexpr http_fault unknown_method{501, "unknown method"};

enum class phase : std::uint8_t {
    request_line,
    header_line,
    head_given, // the next event depends on the body
    counted_data,
    chunk_line,
    chunk_data,
    chunk_end, // the CR LF behind a chunk
    trailer_line,
    complete,
    failed,
};

// Results that the callbacks of llhttp leave for the parser.
struct parser_notes {
    bool head_complete = false;
    std::uint64_t chunk_bytes = 0;
};

parser_notes& notes_of(llhttp_t* machine) {
    return *static_cast<parser_notes*>(machine->data);
}

const llhttp_settings_t& callbacks() {
    static const llhttp_settings_t settings = [] {
        llhttp_settings_t chosen;
        llhttp_settings_init(&chosen);
        chosen.on_headers_complete = [](llhttp_t* machine) {
            notes_of(machine).head_complete = true;
            machine->upgrade = 0; // no other protocol is supported: Upgrade is ignored
            return 0;
        };
        chosen.on_chunk_header = [](llhttp_t* machine) {
            notes_of(machine).chunk_bytes = machine->content_length;
            return 0;
        };
        return chosen;
    }();
    return settings;
}

} // namespace

struct http_request_parser::state {
    explicit state(limits chosen) : bounds{chosen} {
        llhttp_init(&machine, HTTP_REQUEST, &callbacks());
        machine.data = &notes;
    }

    event advance(std::string_view& bytes);
    bool take_line(std::string_view& bytes);
    event on_line();
    event on_request_line(std::string_view content);
    event on_header_line(std::string_view content);
    event on_head_end();
    event on_chunk_line(std::string_view content);
    event on_trailer_line(std::string_view content);
    event after_head();
    event give_data(std::string_view& bytes);
    void next_request();

    [[nodiscard]] std::size_t line_bytes_max() const;
    [[nodiscard]] http_fault line_too_long(std::string_view piece) const;
    [[nodiscard]] bool feed(std::string_view bytes);
    [[nodiscard]] bool feed_field(std::string_view content, std::string_view value);
    event fail(http_fault why);
    event fail_as_llhttp();

    limits bounds;
    llhttp_t machine{};
    parser_notes notes;
    http_request request;
    std::string pending;   // the beginning of a line whose end has not come yet
    std::string_view line; // the line that take_line() completed, CR LF included
    std::string_view body_piece;
    std::uint64_t data_left = 0; // of the counted body or of the chunk
    std::size_t head_bytes = 0;
    std::size_t extension_bytes = 0;
    std::size_t trailer_bytes = 0;
    int empty_lines = 0;
    phase now = phase::request_line;
    http_fault fault;
};

// Hands bytes to llhttp; false when it refuses them.
bool http_request_parser::state::feed(std::string_view bytes) {
    return llhttp_execute(&machine, bytes.data(), bytes.size()) == HPE_OK;
}

// The same for a header or trailer line, up to the end of its value.
bool http_request_parser::state::feed_field(std::string_view content, std::string_view value) {
    if (value.data() + value.size() == content.data() + content.size()) {
        return feed(line);
    }
    const auto bytes = static_cast<std::size_t>(value.data() + value.size() - content.data());
    return feed(content.substr(0, bytes)) && feed(line_end);
}

http_request_parser::event http_request_parser::state::fail(http_fault why) {
    fault = why;
    now = phase::failed;
    return event::failed;
}

http_request_parser::event http_request_parser::state::fail_as_llhttp() {
    // read_request_line() has accepted the line, so llhttp can only refuse its method.
    if (now == phase::request_line && llhttp_get_errno(&machine) != HPE_INVALID_URL) {
        return fail(unknown_method);
    }
    return fail({400, llhttp_get_error_reason(&machine)});
}

std::size_t http_request_parser::state::line_bytes_max() const {
    switch (now) {
    case phase::chunk_line:
        return chunk_line_bytes_max;
    case phase::chunk_end:
        return line_end.size();
    case phase::trailer_line:
        return trailer_bytes_max - trailer_bytes;
    default:
        return bounds.head_bytes_max - head_bytes;
    }
}

http_fault http_request_parser::state::line_too_long(std::string_view piece) const {
    switch (now) {
    case phase::chunk_line:
        return {400, "the size line of a chunk is too long: send fewer chunk extensions"};
    case phase::chunk_end:
        return {400, "a chunk is longer than its size"};
    case phase::request_line: {
        // The same bytes decide however the line is cut.
        const bool has_method =
            pending.find(' ') != pending.npos ||
            piece.substr(0, line_bytes_max() - pending.size()).find(' ') != piece.npos;
        return has_method ? http_fault{414, "the request target is too long"} : unknown_method;
    }
    default:
        return {431, "the header fields are too large"};
    }
}

// Takes the next line off `bytes`, or stores its beginning; false: the line is not complete, or it
// is refused.
bool http_request_parser::state::take_line(std::string_view& bytes) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline + (newline == bytes.npos ? 0 : 1));
    // Refused at once, so that bytes of another protocol (TLS, for example) are not collected up to
    // the limit.
    if (now == phase::request_line && pending.empty() && !piece.empty() &&
        !is_token_char(piece.front()) && line_end.find(piece.front()) == std::string_view::npos) {
        fail({400, "not an HTTP request: send HTTP/1.1 without TLS"});
        return false;
    }
    if (pending.size() + piece.size() > line_bytes_max()) {
        fail(line_too_long(piece));
        return false;
    }
    bytes.remove_prefix(piece.size());
    if (newline == std::string_view::npos || !pending.empty()) {
        pending += piece;
    }
    line = pending.empty() ? piece : pending;
    return newline != std::string_view::npos;
}

http_request_parser::event http_request_parser::state::on_line() {
    if (!line.ends_with(line_end)) {
        return fail({400, "a line does not end with CR LF: end each line with both"});
    }
    const std::string_view content = line.substr(0, line.size() - line_end.size());
    switch (now) {
    case phase::request_line:
        return on_request_line(content);
    case phase::header_line:
        return content.empty() ? on_head_end() : on_header_line(content);
    case phase::chunk_line:
        return on_chunk_line(content);
    case phase::trailer_line:
        return on_trailer_line(content);
    default: // chunk_end
        now = phase::chunk_line;
        return feed(line) ? event::more : fail_as_llhttp();
    }
}

http_request_parser::event http_request_parser::state::on_request_line(std::string_view content) {
    if (content.empty()) { // RFC 9112, 2.2
        return ++empty_lines > empty_lines_max
                   ? fail({400, "empty lines before the request: send none"})
                   : event::more;
    }
    http_request_line parts;
    if (const http_fault bad = read_request_line(content, parts)) {
        return fail(bad);
    }
    if (parts.target.size() > target_bytes_max) {
        return fail({414, "the request target is too long"});
    }
    request.method = parts.method;
    request.target = parts.target;
    request.minor_version = parts.minor_version;
    http_target target;
    if (const http_fault bad = read_target(request.method, request.target, target)) {
        return fail(bad);
    }
    request.path = target.path;
    request.query = target.query;
    if (!feed(line)) {
        return fail_as_llhttp();
    }
    head_bytes += line.size();
    now = phase::header_line;
    return event::more;
}

http_request_parser::event http_request_parser::state::on_header_line(std::string_view content) {
    http_header_line parts;
    if (const http_fault bad = read_header_line(content, parts)) {
        return fail(bad);
    }
    if (request.headers.size() == bounds.headers_max) {
        return fail({431, "too many header fields"});
    }
    if (!feed_field(content, parts.value)) {
        return fail_as_llhttp();
    }
    if (request.headers.capacity() == 0) {
        request.headers.reserve(kept_headers_max);
    }
    request.headers.push_back({std::string{parts.name}, std::string{parts.value}});
    head_bytes += line.size();
    return event::more;
}

http_request_parser::event http_request_parser::state::on_head_end() {
    if (const http_fault bad = interpret_head(request)) {
        return fail(bad);
    }
    if (!feed(line) || !notes.head_complete) {
        return fail_as_llhttp();
    }
    now = phase::head_given;
    return event::head;
}

http_request_parser::event http_request_parser::state::after_head() {
    if (!request.has_body()) {
        now = phase::complete;
        return event::complete;
    }
    now = request.chunked ? phase::chunk_line : phase::counted_data;
    data_left = request.content_length.value_or(0);
    return event::more;
}

http_request_parser::event http_request_parser::state::on_chunk_line(std::string_view content) {
    std::string_view size;
    if (const http_fault bad = read_chunk_line(content, size)) {
        return fail(bad);
    }
    extension_bytes += content.size() - size.size();
    if (extension_bytes > chunk_extension_bytes_max) {
        return fail({400, "too many chunk extensions: send fewer"});
    }
    if (!feed(size) || !feed(line_end)) {
        return fail_as_llhttp();
    }
    data_left = notes.chunk_bytes;
    now = data_left == 0 ? phase::trailer_line : phase::chunk_data;
    return event::more;
}

http_request_parser::event http_request_parser::state::on_trailer_line(std::string_view content) {
    http_header_line ignored;
    if (const http_fault bad = read_header_line(content, ignored); bad && !content.empty()) {
        return fail(bad);
    }
    if (!feed_field(content, content.empty() ? content : ignored.value)) {
        return fail_as_llhttp();
    }
    trailer_bytes += line.size();
    if (!content.empty()) {
        return event::more;
    }
    now = phase::complete;
    return event::complete;
}

http_request_parser::event http_request_parser::state::give_data(std::string_view& bytes) {
    if (data_left == 0) {
        now = now == phase::chunk_data ? phase::chunk_end : phase::complete;
        return now == phase::complete ? event::complete : event::more;
    }
    const std::string_view piece =
        bytes.substr(0, std::min<std::uint64_t>(data_left, bytes.size()));
    if (piece.empty()) {
        return event::more;
    }
    if (now == phase::chunk_data && !feed(piece)) {
        return fail_as_llhttp();
    }
    bytes.remove_prefix(piece.size());
    data_left -= piece.size();
    body_piece = piece;
    return event::body;
}

http_request_parser::event http_request_parser::state::advance(std::string_view& bytes) {
    switch (now) {
    case phase::head_given:
        return after_head();
    case phase::counted_data:
    case phase::chunk_data:
        return give_data(bytes);
    case phase::complete:
        return event::complete;
    case phase::failed:
        return event::failed;
    default:
        break;
    }
    if (!take_line(bytes)) {
        return now == phase::failed ? event::failed : event::more;
    }
    const event what = on_line();
    line = {};
    pending.clear();
    return what;
}

void http_request_parser::state::next_request() {
    assert(now == phase::complete);
    llhttp_reset(&machine);
    notes = {};
    auto headers = std::move(request.headers);
    headers.clear();
    request = {};
    if (headers.capacity() <= kept_headers_max) {
        request.headers = std::move(headers);
    }
    if (pending.capacity() > kept_line_bytes_max) {
        pending = {};
    }
    body_piece = {};
    head_bytes = extension_bytes = trailer_bytes = 0;
    empty_lines = 0;
    now = phase::request_line;
}

http_request_parser::http_request_parser(limits chosen) : state_{std::make_unique<state>(chosen)} {}

http_request_parser::~http_request_parser() = default;

http_request_parser::outcome http_request_parser::feed(std::string_view bytes) {
    std::string_view rest = bytes;
    event what = event::more;
    do {
        what = state_->advance(rest);
    } while (what == event::more && !rest.empty());
    return {what, bytes.size() - rest.size()};
}

const http_request& http_request_parser::request() const {
    return state_->request;
}

std::string_view http_request_parser::body_piece() const {
    return state_->body_piece;
}

int http_request_parser::failure_status() const {
    return state_->fault.status;
}

std::string_view http_request_parser::failure_text() const {
    return state_->fault.text;
}

bool http_request_parser::in_message() const {
    const std::string& pending = state_->pending;
    return state_->now == phase::request_line ? !pending.empty() && pending != "\r"
                                              : state_->now != phase::complete;
}

void http_request_parser::next_request() {
    state_->next_request();
}

void http_request_parser::abandon(const char* text) {
    state_->request = {};
    state_->pending = {};
    state_->line = {};
    state_->body_piece = {};
    state_->fail({503, text});
}

std::size_t http_request_parser::held_bytes() const {
    const http_request& request = state_->request;
    return state_->pending.capacity() + state_->head_bytes +
           request.headers.capacity() * sizeof(http_header);
}

const std::string* http_request::header(std::string_view name) const {
    for (const http_header& header : headers) {
        if (same_text(header.name, name)) {
            return &header.value;
        }
    }
    return nullptr;
}

} // namespace msd::wire
