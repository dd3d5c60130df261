// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message.hpp"
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <string>

namespace {

using msd::fuzz::require;
using namespace msd::wire;
using event = http_response_parser::event;
using expectation = http_response_parser::expectation;

constexpr std::size_t input_bytes_max = 16UL * 1024; // because every input is read several times

void check_fields(const http_fields& fields) {
    for (const http_header& field : fields) {
        require(is_token(field.name) && is_field_value(field.value), "a field is well-formed");
        require(!is_hop_by_hop(field.name), "no field is for one connection only");
        require(!same_text(field.name, "Content-Length"), "the length is not a field");
    }
}

// All events of the parser as one text.
class transcript {
public:
    explicit transcript(expectation request) : request_{request} { parser_.expect(request); }

    // False: the reply is complete, or the parser failed.
    bool feed(std::string_view bytes) {
        for (;;) {
            const auto [what, consumed] = parser_.feed(bytes);
            require(consumed <= bytes.size(), "no more is consumed than was given");
            bytes.remove_prefix(consumed);
            switch (what) {
            case event::more:
                require(bytes.empty(), "`more` means that all was consumed");
                return true;
            case event::interim:
                require(parser_.response().is_interim(), "an interim reply is informational");
                note_head();
                break;
            case event::head:
                require(!parser_.response().is_interim(), "the final reply is not informational");
                check_head();
                note_head();
                break;
            case event::body:
                require(!parser_.body_piece().empty(), "a piece has bytes");
                require(parser_.response().has_body, "only a body has pieces");
                text_ += parser_.body_piece();
                body_bytes_ += parser_.body_piece().size();
                break;
            case event::complete:
                note_end();
                text_ += "\nsurplus ";
                text_ += bytes;
                return false;
            case event::failed:
                require(*parser_.failure_text() != '\0', "a failure has a reason");
                text_ += "\nfailed ";
                text_ += parser_.failure_text();
                return false;
            }
        }
    }

    void end() {
        const bool is_complete = parser_.end() == event::complete;
        if (is_complete) {
            note_end();
        }
        text_ += is_complete ? "\nend" : parser_.failure_text();
    }

    void add_surplus(std::string_view bytes) {
        if (parser_.is_complete()) {
            text_ += bytes;
        }
    }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void check_head() const {
        const http_response& head = parser_.response();
        const bool without = request_.head || head.status == 204 || head.status == 304;
        require(!(without && head.has_body), "HEAD, 204 and 304 have no body");
        require(!(head.chunked && head.until_close), "one framing, not two");
        require(!(head.chunked && head.content_length), "no length beside chunks");
        require(!(head.until_close && head.keep_alive), "the body or the connection goes on");
        require(head.status != 101 || (request_.upgrade && !head.upgrade.empty()), "asked for");
    }

    void note_head() {
        const http_response& head = parser_.response();
        check_fields(head.headers);
        text_ += "\n" + std::to_string(head.status) + (head.keep_alive ? " keep" : " close");
        for (const http_header& field : head.headers) {
            text_.append("\n").append(field.name).append(": ").append(field.value);
        }
        text_ += "\n";
        write_head(head);
    }

    // What the gateway sends of this reply is a reply with the same fields.
    static void write_head(const http_response& head) {
        http_reply_head copy;
        copy.status = head.status;
        copy.fields = &head.headers;
        copy.upgrade = head.upgrade;
        copy.body.content_length = 0;
        std::string out;
        append_reply_head(out, copy);
        http_response_parser again{{out.size(), head.headers.size() + 3}};
        again.expect({.head = true, .upgrade = true});
        const auto outcome = again.feed(out);
        require(
            outcome.what == (head.is_interim() ? event::interim : event::head),
            "a written head can be read"
        );
        require(outcome.consumed == out.size(), "a written head is one head");
        require(again.response().headers.size() == head.headers.size(), "the fields are the same");
    }

    void note_end() {
        const http_response& head = parser_.response();
        require(
            !head.has_body || !head.content_length || *head.content_length == body_bytes_,
            "a complete body has its length"
        );
        check_fields(parser_.trailers());
        for (const http_header& field : parser_.trailers()) {
            require(is_allowed_in_trailers(field.name), "a trailer is allowed there");
            text_.append("\n").append(field.name).append(": ").append(field.value);
        }
        text_ += "\ncomplete";
    }

    expectation request_;
    http_response_parser parser_{{.head_bytes_max = 512, .headers_max = 8}};
    std::string text_;
    std::size_t body_bytes_ = 0;
};

std::string read(std::string_view stream, std::size_t step, expectation request) {
    transcript seen{request};
    bool goes_on = true;
    while (goes_on && !stream.empty()) {
        goes_on = seen.feed(stream.substr(0, step));
        stream.remove_prefix(std::min(step, stream.size()));
    }
    if (goes_on) {
        seen.end();
    } else {
        seen.add_surplus(stream);
    }
    return seen.text();
}

} // namespace

// The first byte chooses the request that the reply is for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > input_bytes_max) {
        return 0;
    }
    const std::string_view stream = msd::fuzz::text_of(data, size).substr(1);
    const expectation request{(data[0] & 1U) != 0, (data[0] & 2U) != 0};
    const std::string whole = read(stream, std::max<std::size_t>(1, stream.size()), request);
    for (const std::size_t step : {1U, 2U, 5U, 17U}) {
        require(read(stream, step, request) == whole, "segments change nothing");
    }
    return 0;
}
