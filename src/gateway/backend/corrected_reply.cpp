// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/corrected_reply.hpp"

#include "wire/http_line.hpp"

#include <cstddef>

namespace msd::gateway {

namespace {

using wire::same_text;

struct absolute_url {
    std::string_view scheme; // with "://"
    std::string_view authority;
    std::string_view rest; // path, query, fragment
};

std::optional<absolute_url> read_url(std::string_view value) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (same_text(value.substr(0, scheme.size()), scheme)) {
            absolute_url out;
            out.scheme = value.substr(0, scheme.size());
            value.remove_prefix(scheme.size());
            const std::size_t end = value.find_first_of("/?#");
            out.authority = value.substr(0, end);
            out.rest = end == std::string_view::npos ? std::string_view{} : value.substr(end);
            return out;
        }
    }
    return std::nullopt;
}

std::string with_prefix(std::string_view stripped, std::string_view rest) {
    std::string out{stripped};
    out.append(rest.starts_with('/') ? "" : "/").append(rest);
    return out;
}

// The same as a reference to the client's host. Without a prefix, "//name" would name another host.
// Browsers take a backslash for a slash, and ignore tabs.
std::string as_path(std::string_view stripped, std::string_view rest) {
    constexpr std::string_view begins_host = "/\\\t";
    const bool names_host = stripped.empty() && rest.size() > 1 && rest.front() == '/' &&
                            begins_host.find(rest[1]) != std::string_view::npos;
    return names_host ? "/." + std::string{rest} : with_prefix(stripped, rest);
}

} // namespace

std::optional<std::string>
corrected_location(std::string_view value, const reply_addresses& known) {
    if (value.starts_with('/')) {
        const bool names_host = value.starts_with("//");
        return known.stripped.empty() || names_host
                   ? std::nullopt
                   : std::optional{with_prefix(known.stripped, value)};
    }
    const auto url = read_url(value);
    if (!url) {
        return std::nullopt; // relative to the client's URL, or of another scheme
    }
    if (same_text(url->authority, known.client_host)) {
        if (known.stripped.empty()) {
            return std::nullopt;
        }
        std::string out{url->scheme};
        return out.append(url->authority).append(with_prefix(known.stripped, url->rest));
    }
    if (same_text(url->authority, known.sent_host) || same_text(url->authority, known.endpoint)) {
        return as_path(known.stripped, url->rest); // the client's host and scheme stay
    }
    return std::nullopt;
}

std::optional<std::string> corrected_cookie(std::string_view value, std::string_view stripped) {
    // Browsers accept __Host- cookies with the path / only.
    constexpr std::string_view of_host = "__Host-";
    if (stripped.empty() || same_text(value.substr(0, of_host.size()), of_host)) {
        return std::nullopt;
    }
    std::size_t from = value.find(';');
    // The last Path counts (RFC 6265, 5.2.4 and 5.3).
    std::optional<std::size_t> path;
    while (from != std::string_view::npos) {
        const std::size_t end = value.find(';', from + 1);
        const std::string_view attribute = value.substr(from + 1, end - from - 1);
        const std::size_t equals = attribute.find('=');
        if (equals != std::string_view::npos &&
            same_text(wire::trim(attribute.substr(0, equals)), "path")) {
            const std::string_view text = wire::trim(attribute.substr(equals + 1));
            path = text.starts_with('/')
                       ? std::optional{static_cast<std::size_t>(text.data() - value.data())}
                       : std::nullopt;
        }
        from = end;
    }
    if (!path) {
        return std::nullopt; // the browser takes the path of the client's URL
    }
    return std::string{value.substr(0, *path)}.append(stripped).append(value.substr(*path));
}

void correct_reply(wire::http_fields& fields, const reply_addresses& known) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        std::optional<std::string> better;
        const std::string_view name = fields[i].name;
        if (same_text(name, "location") || same_text(name, "content-location")) {
            better = corrected_location(fields[i].value, known);
        } else if (same_text(name, "set-cookie")) {
            better = corrected_cookie(fields[i].value, known.stripped);
        }
        if (better) {
            fields.set_value(i, *better);
        }
    }
}

} // namespace msd::gateway
