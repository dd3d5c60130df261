// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/balance_key.hpp"

#include "core/cluster_secrets.hpp"
#include "core/resilience/sticky_cookie.hpp"
#include "wire/cookies.hpp"
#include "wire/http_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace msd::gateway {

namespace {

using namespace core::resilience; // NOLINT(google-build-using-namespace): the policies' own words

constexpr hash_key same_in_all_gateways{};

// Services may have names that no cookie can have.
std::string sticky_name(std::string_view service) {
    return fmt::format("msd-at-{:016x}", keyed_hash(same_in_all_gateways, service));
}

std::optional<std::string_view> cookie_of(const wire::http_request& head, std::string_view name) {
    for (const wire::http_header& field : head.headers) {
        if (wire::same_text(field.name, "cookie")) {
            if (const auto found =
                    wire::cookie_value(field.value, name, [](auto) { return true; })) {
                return found;
            }
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> header_of(const wire::http_request& head, std::string_view name) {
    for (const wire::http_header& field : head.headers) {
        if (wire::same_text(field.name, name)) {
            return field.value;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> source_of(const hash_source& from, const balance_input& of) {
    switch (from.of) {
    case hash_source::kind::client:
        return of.client;
    case hash_source::kind::path:
        return of.head.path;
    case hash_source::kind::header:
        return header_of(of.head, from.name);
    case hash_source::kind::cookie:
        return cookie_of(of.head, from.name);
    }
    return std::nullopt;
}

} // namespace

std::uint64_t balance_key(const service_settings& settings, const balance_input& of) {
    if (settings.balance == balance_policy::sticky) {
        const auto value = cookie_of(of.head, sticky_name(of.service));
        return value ? sticky_token(of.secret, of.service, *value).value_or(0) : 0;
    }
    if (settings.balance != balance_policy::hash) {
        return 0;
    }
    const auto text = source_of(settings.hash, of);
    return text ? std::max<std::uint64_t>(1, keyed_hash(same_in_all_gateways, *text)) : 0;
}

std::string sticky_secret(
    const core::shared_secrets& of_cluster,
    const core::resilience::hash_key& of_instance
) {
    if (of_cluster && !of_cluster->empty()) {
        return "sticky " + of_cluster->all().front();
    }
    return fmt::format("{:016x}{:016x}", of_instance[0], of_instance[1]);
}

std::string
sticky_set_cookie(std::string_view secret, std::string_view service, std::uint64_t token) {
    return fmt::format(
        "{}={}; Path=/; HttpOnly; SameSite=Lax",
        sticky_name(service),
        sticky_cookie(secret, service, token)
    );
}

} // namespace msd::gateway
