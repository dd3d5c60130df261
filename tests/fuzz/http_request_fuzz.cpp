// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/http_field.hpp"
#include "wire/http_host.hpp"
#include "wire/http_request_parser.hpp"

#include <algorithm>
#include <string>

namespace {

using msd::fuzz::require;
using namespace msd::wire;
using event = http_request_parser::event;

constexpr std::size_t input_bytes_max = 16UL * 1024; // because every input is read several times

void check_head(const http_request& request) {
    require(!request.method.empty() && !request.target.empty(), "a request line has its parts");
    require(request.path.starts_with('/') || request.path == "*", "a path is a path");
    require(!(request.chunked && request.content_length), "one framing, not two");
    const std::string_view* const host = request.header("host");
    require(host == nullptr ? request.minor_version == 0 : is_host(*host), "a host is a host");
    require(host == nullptr || is_same_host(*host, *host, 80), "a host is the same as itself");
    if (const std::string_view* const key = request.header("idempotency-key")) {
        const auto read = idempotency_key_of(*key);
        require(!read || !read->empty(), "a key is not empty");
    }
    for (const http_header& header : request.headers) {
        require(!header.name.empty(), "a header has a name");
        require(
            header.name.find_first_of(std::string_view{"\r\n\0 :", 5}) == std::string::npos &&
                header.value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos,
            "no header holds a line end"
        );
    }
}

// All events of the parser as one text.
class transcript {
public:
    // False after the parser failed.
    bool feed(std::string_view bytes) {
        for (;;) {
            const auto [what, consumed] = parser_.feed(bytes);
            require(consumed <= bytes.size(), "no more is consumed than was given");
            bytes.remove_prefix(consumed);
            switch (what) {
            case event::more:
                require(bytes.empty(), "`more` means that all was consumed");
                return true;
            case event::head:
                note_head();
                break;
            case event::interim:
                require(false, "a request has no interim head");
                break;
            case event::body:
                text_ += parser_.body_piece();
                break;
            case event::complete:
                text_ += "\ncomplete\n";
                parser_.next_request();
                require(!parser_.in_message(), "nothing is begun after next_request()");
                break;
            case event::failed:
                text_ += "\nfailed " + std::to_string(parser_.failure_status());
                return false;
            }
        }
    }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void note_head() {
        const http_request& request = parser_.request();
        check_head(request);
        text_ +=
            request.method + " " + std::string{request.path} + " " + std::string{request.query};
        text_ += request.keep_alive ? " keep" : " close";
        for (const http_header& header : request.headers) {
            text_.append("\n").append(header.name).append(": ").append(header.value);
        }
        text_ += "\n";
    }

    http_request_parser parser_{{.head_bytes_max = 512, .headers_max = 8}};
    std::string text_;
};

std::string read(std::string_view stream, std::size_t step) {
    transcript seen;
    while (!stream.empty() && seen.feed(stream.substr(0, step))) {
        stream.remove_prefix(std::min(step, stream.size()));
    }
    return seen.text();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > input_bytes_max) {
        return 0;
    }
    const std::string_view stream = msd::fuzz::text_of(data, size);
    const std::string whole = read(stream, std::max<std::size_t>(1, size));
    for (const std::size_t step : {1U, 2U, 5U, 17U}) {
        require(read(stream, step) == whole, "segments change nothing");
    }
    return 0;
}
