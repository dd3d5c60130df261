// SPDX-License-Identifier: Apache-2.0
#include "core/service_share.hpp"

#include "wire/cookies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace msd::core {

namespace {

// FNV-1a, and the last step of MurmurHash3, which spreads neighbouring addresses over the range.
std::uint64_t hash_of(std::string_view text) {
    constexpr std::uint64_t basis = 0xCBF29CE484222325;
    constexpr std::uint64_t prime = 0x100000001B3;
    std::uint64_t hash = basis;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * prime;
    }
    hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCD;
    hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53;
    return hash ^ (hash >> 33);
}

// Nothing when the cookie is missing or is not what pick_service() makes.
std::optional<std::uint32_t> number_in(std::string_view cookies) {
    std::uint32_t number = 0;
    const auto found = wire::cookie_value(cookies, share_cookie, [&number](std::string_view text) {
        const char* const last = text.data() + text.size();
        const auto [stop, failure] = std::from_chars(text.data(), last, number);
        return failure == std::errc{} && stop == last && number < share_range;
    });
    return found ? std::optional{number} : std::nullopt;
}

std::string_view service_at(const compiled_route& route, std::uint64_t number) {
    // The client's part of the range, as a part of the weights.
    const std::uint64_t at = number * route.weights / share_range;
    std::uint64_t end = 0;
    for (const auto& [service, weight] : route.settings.split) {
        end += weight;
        if (at < end) {
            return service;
        }
    }
    return route.settings.split.back().first;
}

} // namespace

share pick_service(const compiled_route& route, const share_input& from) {
    const route_settings& settings = route.settings;
    if (settings.split.empty()) {
        return {settings.service, {}};
    }
    using enum route_settings::share_key;
    const std::uint64_t random = from.random % share_range;
    if (settings.split_by == request) {
        return {service_at(route, random), {}};
    }
    if (settings.split_by == client) {
        return {service_at(route, hash_of(from.client) % share_range), {}};
    }
    if (const auto known = number_in(from.cookies)) {
        return {service_at(route, *known), {}};
    }
    share made{service_at(route, random), std::string{share_cookie}};
    made.set_cookie += '=';
    made.set_cookie += std::to_string(random);
    made.set_cookie += "; Path=/; HttpOnly; SameSite=Lax";
    return made;
}

std::string
redirect_location(std::string_view written, std::string_view path, std::string_view query) {
    std::string made;
    std::string_view rest = written;
    while (!rest.empty()) {
        const std::size_t at = std::min({rest.find("{path}"), rest.find("{query}"), rest.size()});
        made += rest.substr(0, at);
        rest.remove_prefix(at);
        if (rest.starts_with("{path}")) {
            made += path;
            rest.remove_prefix(std::string_view{"{path}"}.size());
        } else if (!rest.empty()) {
            made += query.empty() ? "" : "?";
            made += query;
            rest.remove_prefix(std::string_view{"{query}"}.size());
        }
    }
    // Browsers take a backslash for a slash.
    const std::size_t name = std::min(made.find_first_not_of("/\\"), made.size());
    if (!written.starts_with("//") && name > 1) {
        made.replace(0, name, "/");
    }
    return made;
}

} // namespace msd::core
