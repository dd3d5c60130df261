// SPDX-License-Identifier: Apache-2.0
#include "core/request_limit.hpp"

#include "wire/http_char.hpp"

#include <algorithm>

namespace msd::core {

namespace {

constexpr std::string_view header_prefix = "header:";
constexpr std::string_view claim_prefix = "claim:";
constexpr std::size_t name_bytes_max = 64;

bool is_visible(char each) {
    return each > ' ' && each <= '~';
}

// Reads `text` as `prefix` and a name of such characters.
template <class Allowed>
bool read_name(
    std::string& into,
    std::string_view text,
    std::string_view prefix,
    Allowed is_allowed
) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    const std::string_view name = text.substr(prefix.size());
    if (name.empty() || name.size() > name_bytes_max || !std::ranges::all_of(name, is_allowed)) {
        return false;
    }
    into = name;
    return true;
}

} // namespace

result<void> read_counting(request_limit& into, std::string_view text, std::string_view all) {
    if (text == "client" || text == all) {
        into.each = text == all ? request_limit::counting::all : request_limit::counting::client;
        into.name.clear();
    } else if (read_name(into.name, text, header_prefix, wire::is_token_char)) {
        into.each = request_limit::counting::header;
        std::ranges::transform(into.name, into.name.begin(), wire::to_lower);
    } else if (read_name(into.name, text, claim_prefix, is_visible)) {
        into.each = request_limit::counting::claim;
    } else {
        return fail(
            errc::invalid,
            "\"" + std::string{text} + "\" is not client, header:NAME, claim:NAME or " +
                std::string{all}
        );
    }
    return {};
}

std::string counting_text(const request_limit& of, std::string_view all) {
    switch (of.each) {
    case request_limit::counting::client:
        return "client";
    case request_limit::counting::header:
        return std::string{header_prefix} + of.name;
    case request_limit::counting::claim:
        return std::string{claim_prefix} + of.name;
    case request_limit::counting::all:
        break;
    }
    return std::string{all};
}

} // namespace msd::core
