// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/resp.hpp"

#include <optional>
#include <string>

namespace {

using msd::errc;
using msd::fuzz::require;
using namespace msd::wire;

constexpr std::size_t reply_bytes_max = 4096;

// All replies as one text, and the reason why reading ended.
struct reading {
    std::string text;
    std::optional<errc> broken;
};

std::size_t write(std::string& out, const resp_value& value, std::size_t& elements) {
    out += std::to_string(static_cast<int>(value.what)) + '(' + std::to_string(value.integer) +
           ' ' + value.text + ')';
    std::size_t bytes = value.text.size();
    elements += value.items.size();
    for (const resp_value& each : value.items) {
        bytes += write(out, each, elements);
    }
    return bytes;
}

reading read(std::string_view bytes, std::size_t step) {
    resp_reader reader{reply_bytes_max};
    reading made;
    for (std::size_t at = 0; at < bytes.size() && !made.broken; at += step) {
        reader.feed(bytes.substr(at, step));
        for (;;) {
            const auto next = reader.next();
            if (!next) {
                made.broken = next.error().code;
                require(!next.error().text.empty(), "an error says what is wrong");
                require(!reader.next(), "a broken stream stays broken");
                break;
            }
            if (!*next) {
                break;
            }
            std::size_t elements = 0;
            const std::size_t held = write(made.text, **next, elements);
            require(held <= reply_bytes_max, "the texts of a reply are bounded");
            require(elements <= resp_reader::elements_max, "its elements are bounded");
        }
    }
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = msd::fuzz::text_of(data, size);
    const reading whole = read(bytes, size + 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
        const reading pieces = read(bytes, step);
        require(pieces.text == whole.text, "replies do not depend on how bytes arrive");
        // A line over its limit may be refused before the reader finds that it is not a number.
        require(
            pieces.broken == whole.broken || size > resp_reader::line_bytes_max,
            "nor does how the reading ends"
        );
    }
    return 0;
}
