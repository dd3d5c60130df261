// SPDX-License-Identifier: Apache-2.0
// Origins of web pages: the first line is a list (gateway.cors), the second an Origin header and
// the third a Host header.
#include "core/allowed_origins.hpp"
#include "fuzz_target.hpp"
#include "wire/http_host.hpp"
#include "wire/http_origin.hpp"

#include <string_view>

using msd::fuzz::require;

namespace {

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    return line;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using answer = msd::core::allowed_origins::answer;
    std::string_view input = msd::fuzz::text_of(data, size);
    const std::string_view list = take_line(input);
    const std::string_view origin = take_line(input);
    const std::string_view host = take_line(input);

    const auto read = msd::wire::read_origin(origin);
    if (read) {
        require(msd::wire::is_host(read->host), "an origin has a host");
        require(msd::wire::is_same_origin(origin, origin), "an origin equals itself");
    }
    if (msd::wire::is_from_host(origin, host)) {
        require(read && msd::wire::is_host(host), "both are well-formed");
    }
    const auto allowed = msd::core::allowed_origins::parse(list);
    if (!allowed) {
        return 0;
    }
    require(allowed->text() == list, "the text is kept");
    const answer said = allowed->find(origin, "POST", "/goods");
    require(said == answer::no || !allowed->empty(), "an empty list allows nothing");
    require(said != answer::yes || read, "only an origin is allowed by name");
    require(said != answer::yes || allowed->distinguishes(), "such a list depends on the origin");
    return 0;
}
