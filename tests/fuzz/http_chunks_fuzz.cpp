// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/http_message.hpp"
#include "wire/http_request_parser.hpp"
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <string>

namespace {

using msd::fuzz::require;
using namespace msd::wire;

constexpr std::size_t input_bytes_max = 16UL * 1024; // because every input is read several times

constexpr http_limits limits{.head_bytes_max = 512, .headers_max = 20};

constexpr std::string_view request_head =
    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view reply_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// What a parser makes of a chunked body.
struct decoded {
    std::string body;
    std::string trailers;
    bool complete = false;
    bool failed = false;
    std::size_t consumed = 0;

    bool operator==(const decoded&) const = default;
};

template <class Parser>
decoded decode(Parser& parser, std::string_view stream, std::size_t step) {
    decoded seen;
    while (!stream.empty() && !seen.complete && !seen.failed) {
        const auto [what, consumed] = parser.feed(stream.substr(0, step));
        stream.remove_prefix(consumed);
        seen.consumed += consumed;
        seen.complete = what == http_event::complete;
        seen.failed = what == http_event::failed;
        if (what == http_event::body) {
            seen.body += parser.body_piece();
        }
    }
    for (const http_header& field : parser.trailers()) {
        require(is_allowed_in_trailers(field.name), "a trailer is allowed there");
        seen.trailers.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    if (seen.failed) { // how much of a bad line is consumed depends on the segments
        seen.consumed = 0;
    }
    return seen;
}

decoded decode_request(std::string_view body, std::size_t step) {
    http_request_parser parser{limits};
    require(parser.feed(request_head).what == http_event::head, "the head is good");
    return decode(parser, body, step);
}

decoded decode_reply(std::string_view body, std::size_t step) {
    http_response_parser parser{limits};
    parser.expect({});
    require(parser.feed(reply_head).what == http_event::head, "the head is good");
    return decode(parser, body, step);
}

// The decoded body in chunks of its own.
std::string encode(const decoded& what) {
    http_fields trailers;
    for (std::string_view rest = what.trailers; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find("\r\n"));
        const std::size_t colon = line.find(": ");
        trailers.add(line.substr(0, colon), line.substr(colon + 2));
        rest.remove_prefix(line.size() + 2);
    }
    std::string out;
    if (!what.body.empty()) {
        append_chunk_head(out, what.body.size());
        out.append(what.body).append(chunk_end);
    }
    append_last_chunk(out, &trailers);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > input_bytes_max) {
        return 0;
    }
    const std::string_view stream = msd::fuzz::text_of(data, size);
    const decoded whole = decode_request(stream, stream.size());
    require(decode_reply(stream, stream.size()) == whole, "requests and replies have equal chunks");
    for (const std::size_t step : {1U, 2U, 5U, 17U}) {
        require(decode_request(stream, step) == whole, "segments change nothing");
    }
    if (whole.complete) {
        const std::string again = encode(whole);
        const decoded second = decode_reply(again, again.size());
        require(second.complete && second.consumed == again.size(), "written chunks are complete");
        require(second.body == whole.body && second.trailers == whole.trailers, "and the same");
    }
    return 0;
}
