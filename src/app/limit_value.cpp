// SPDX-License-Identifier: Apache-2.0
#include "app/limit_value.hpp"

#include "config/suggestion.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <utility>

namespace msd::app {

namespace {

using core::request_limit;

constexpr std::array<std::string_view, 3> members{"rate", "burst", "key"};

tl::unexpected<error> wrong(std::string_view member, std::string_view why) {
    return fail(errc::invalid, fmt::format("{}: {}", member, why));
}

result<void> read_rate(request_limit& into, std::string_view text) {
    const auto read = core::resilience::read_rate(text);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    into.settings.allowed = *read;
    return {};
}

result<void> read_member(request_limit& into, const config::member& from, std::string_view all) {
    const auto meant = config::closest(from.name, members);
    if (meant != from.name) {
        return wrong(
            from.name,
            meant.empty() ? "unknown key" : fmt::format("unknown key; did you mean {}?", meant)
        );
    }
    if (from.name == "burst") {
        const bool is_number = from.what.is_integer() && from.what.integer() >= 0 &&
                               from.what.integer() <= request_limit::burst_max;
        if (!is_number) {
            return wrong("burst", fmt::format("expected 0 to {}", request_limit::burst_max));
        }
        into.settings.burst = static_cast<std::uint32_t>(from.what.integer());
        return {};
    }
    if (!from.what.is_text()) {
        return wrong(from.name, fmt::format("expected a string, got {}", from.what.type_name()));
    }
    auto read = from.name == "rate" ? read_rate(into, from.what.text())
                                    : core::read_counting(into, from.what.text(), all);
    return read ? result<void>{} : wrong(from.name, read.error().text);
}

} // namespace

result<request_limit> read_limit(const config::value& from, std::string_view all) {
    request_limit made;
    if (from.is_text()) {
        if (auto read = read_rate(made, from.text()); !read) {
            return tl::unexpected{std::move(read.error())};
        }
        return made;
    }
    for (const config::member& each : from.members()) {
        if (auto read = read_member(made, each, all); !read) {
            return tl::unexpected{std::move(read.error())};
        }
    }
    if (!made.is_on()) {
        return wrong("rate", "is missing");
    }
    return made;
}

config::value value_of_limit(const request_limit& limit, std::string_view all) {
    if (!limit.is_on()) {
        return std::string{};
    }
    const request_limit standard;
    std::string rate = core::resilience::rate_text(limit.settings.allowed);
    config::table made{{"rate", 0, rate}};
    if (limit.settings.burst != standard.settings.burst) {
        made.push_back({"burst", 0, std::int64_t{limit.settings.burst}});
    }
    if (limit.each != standard.each) {
        made.push_back({"key", 0, core::counting_text(limit, all)});
    }
    return made.size() == 1 ? config::value{std::move(rate)} : config::value{std::move(made)};
}

} // namespace msd::app
