// SPDX-License-Identifier: Apache-2.0
#include "core/request_path.hpp"

#include "wire/http_char.hpp"

#include <algorithm>
#include <vector>

namespace msd::core {

namespace {

tl::unexpected<error> malformed(std::string text) {
    return fail(errc::malformed, std::move(text));
}

// Nothing in it has to be decoded, resolved or refused. Most paths are so.
bool is_plain(std::string_view path) {
    char before = '\0';
    for (const char c : path) {
        if (c == '%' || c == '\\' || (before == '/' && (c == '/' || c == '.'))) {
            return false;
        }
        before = c;
    }
    return true;
}

bool is_dots(std::string_view segment) {
    return segment == "." || segment == "..";
}

// Programs that decode a path before they split it, and those that cut parameters off its segments,
// find a dot segment in "..%2fadmin", "..\admin" and "..;a=b".
bool has_hidden_dots(std::string_view decoded) {
    while (!decoded.empty()) {
        const std::size_t end = std::min(decoded.find_first_of("/\\"), decoded.size());
        const std::string_view part = decoded.substr(0, end);
        if (part.substr(0, part.find(';')) == "..") {
            return true;
        }
        decoded.remove_prefix(std::min(end + 1, decoded.size()));
    }
    return false;
}

std::optional<std::string> decoded_segment(std::string_view segment) {
    std::string decoded;
    decoded.reserve(segment.size());
    for (std::size_t at = 0; at < segment.size(); ++at) {
        if (segment[at] != '%') {
            decoded += segment[at];
            continue;
        }
        const int high = at + 1 < segment.size() ? wire::hex_value(segment[at + 1]) : -1;
        const int low = at + 2 < segment.size() ? wire::hex_value(segment[at + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return decoded;
}

// A decoded slash separates nothing, so it stays an escape, and so does the sign of escapes.
void append_compared(std::string& out, std::string_view decoded) {
    for (const char c : decoded) {
        if (c == '/') {
            out += "%2F";
        } else if (c == '%') {
            out += "%25";
        } else {
            out += c;
        }
    }
}

struct kept_segment {
    std::string_view raw;
    std::string decoded;
};

// The segments of `path` that are left when its dot segments are resolved.
struct resolved_path {
    std::vector<kept_segment> segments;
    bool ends_with_slash = false;
    bool has_dots = false;

    result<void> add(std::string_view raw, bool is_last) {
        auto decoded = decoded_segment(raw);
        if (!decoded) {
            return malformed(
                "the path has a % without two hexadecimal digits, or %00: write a percent sign as "
                "%25"
            );
        }
        ends_with_slash = is_last && (raw.empty() || is_dots(*decoded));
        if (is_dots(*decoded)) {
            has_dots = true;
            if (*decoded == ".." && segments.empty()) {
                return malformed("the path has more .. segments than directories");
            }
            if (*decoded == "..") {
                segments.pop_back();
            }
            return {};
        }
        if (has_hidden_dots(*decoded)) {
            return malformed("the path has .. beside an encoded slash, a backslash or a semicolon");
        }
        if (!raw.empty()) {
            segments.push_back({raw, *std::move(decoded)});
        }
        return {};
    }
};

} // namespace

result<request_path> request_path::read(std::string_view raw) {
    if (!raw.starts_with('/')) {
        return malformed("the path does not begin with /");
    }
    request_path made{raw};
    if (!is_plain(raw)) {
        made.is_plain_ = false;
        if (auto resolved = made.resolve(); !resolved) {
            return tl::unexpected{std::move(resolved.error())};
        }
    }
    return made;
}

result<void> request_path::resolve() {
    resolved_path path;
    std::string_view rest = raw_;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::size_t end = std::min(rest.find('/'), rest.size());
        if (auto added = path.add(rest.substr(0, end), end == rest.size()); !added) {
            return added;
        }
        rest.remove_prefix(end);
    }
    for (const kept_segment& each : path.segments) {
        compared_ += '/';
        append_compared(compared_, each.decoded);
        if (path.has_dots) {
            forwarded_ += '/';
            forwarded_ += each.raw;
        }
    }
    const bool ends_with_slash = path.ends_with_slash || path.segments.empty();
    if (ends_with_slash) {
        compared_ += '/';
    }
    if (ends_with_slash && path.has_dots) {
        forwarded_ += '/';
    }
    return {};
}

std::size_t request_path::prefix_bytes(std::size_t segments) const {
    const std::string_view path = forwarded();
    std::size_t at = 0;
    for (; segments > 0; --segments) {
        at = std::min(path.find_first_not_of('/', at), path.size());
        at = std::min(path.find('/', at), path.size());
    }
    // Of several slashes the last one begins the rest: a program could take "//name" for a host.
    const std::size_t next = std::min(path.find_first_not_of('/', at), path.size());
    return next > at ? next - 1 : at;
}

std::optional<std::string> compared_segment(std::string_view segment) {
    const auto decoded = decoded_segment(segment);
    if (!decoded) {
        return std::nullopt;
    }
    std::string compared;
    append_compared(compared, *decoded);
    return compared;
}

} // namespace msd::core
