// SPDX-License-Identifier: Apache-2.0
#include "core/allowed_origins.hpp"

#include "wire/http_line.hpp"
#include "wire/http_origin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::core {

namespace {

constexpr std::string_view any_origin = "*";

// "POST/goods": a method, and a path that begins with the slash.
bool is_route(std::string_view text) {
    const std::size_t slash = text.find('/');
    return slash != 0 && slash != std::string_view::npos &&
           std::ranges::all_of(text.substr(0, slash), [](char c) { return c >= 'A' && c <= 'Z'; });
}

} // namespace

result<allowed_origins> allowed_origins::parse(std::string_view text) {
    allowed_origins out;
    out.text_ = text;
    while (!wire::trim(text).empty()) {
        const std::string_view part = wire::trim(text.substr(0, text.find(',')));
        text.remove_prefix(std::min(text.find(','), text.size() - 1) + 1);
        const std::size_t equals = part.find('=');
        rule made;
        if (equals != std::string_view::npos) {
            made.route = wire::trim(part.substr(0, equals));
            made.origin = wire::trim(part.substr(equals + 1));
        } else {
            made.origin = part;
        }
        if (equals != std::string_view::npos && !is_route(made.route)) {
            return fail(
                errc::invalid,
                fmt::format("\"{}\": write a route like POST/goods before \"=\"", part)
            );
        }
        if (made.origin != any_origin && !wire::read_origin(made.origin)) {
            return fail(
                errc::invalid,
                fmt::format("\"{}\": write an origin like https://shop.example, or *", part)
            );
        }
        if (out.rules_.size() == rules_max) {
            return fail(errc::invalid, fmt::format("more than {} origins", rules_max));
        }
        out.rules_.push_back(std::move(made));
    }
    return out;
}

bool allowed_origins::distinguishes() const {
    return std::ranges::any_of(rules_, [](const rule& each) { return each.origin != any_origin; });
}

allowed_origins::answer
allowed_origins::find(std::string_view origin, std::string_view method, std::string_view pattern)
    const {
    answer out = answer::no;
    for (const rule& each : rules_) {
        const bool concerns =
            each.route.empty() || (each.route.size() == method.size() + pattern.size() &&
                                   each.route.starts_with(method) && each.route.ends_with(pattern));
        if (concerns && each.origin == any_origin) {
            return answer::any;
        }
        if (concerns && out == answer::no && wire::is_same_origin(each.origin, origin)) {
            out = answer::yes;
        }
    }
    return out;
}

} // namespace msd::core
