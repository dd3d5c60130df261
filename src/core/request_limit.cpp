// SPDX-License-Identifier: Apache-2.0
#include "core/request_limit.hpp"

#include "wire/http_char.hpp"

#include <algorithm>

namespace msd::core {

namespace {

constexpr std::string_view header_prefix = "header:";
constexpr std::size_t header_bytes_max = 64;

} // namespace

result<void> read_counting(request_limit& into, std::string_view text, std::string_view all) {
    if (text == "client" || text == all) {
        into.each = text == all ? request_limit::counting::all : request_limit::counting::client;
        into.header.clear();
        return {};
    }
    if (text.starts_with("claim:")) {
        return fail(errc::invalid, "claims need authentication, which routes do not have yet");
    }
    const std::string_view name =
        text.starts_with(header_prefix) ? text.substr(header_prefix.size()) : std::string_view{};
    if (name.empty() || name.size() > header_bytes_max ||
        !std::all_of(name.begin(), name.end(), wire::is_token_char)) {
        return fail(
            errc::invalid,
            "\"" + std::string{text} + "\" is not client, header:NAME or " + std::string{all}
        );
    }
    into.each = request_limit::counting::header;
    into.header = name;
    std::ranges::transform(into.header, into.header.begin(), wire::to_lower);
    return {};
}

std::string counting_text(const request_limit& of, std::string_view all) {
    switch (of.each) {
    case request_limit::counting::client:
        return "client";
    case request_limit::counting::header:
        return std::string{header_prefix} + of.header;
    case request_limit::counting::all:
        break;
    }
    return std::string{all};
}

} // namespace msd::core
