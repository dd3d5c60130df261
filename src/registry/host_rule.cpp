// SPDX-License-Identifier: Apache-2.0
#include "registry/host_rule.hpp"

#include <asio/ip/address.hpp>
#include <asio/ip/host_name.hpp>
#include <fmt/format.h>

namespace msd::registry {

namespace {

// The one text of an address; other texts stay as they are.
std::string canonical(const std::string& host) {
    asio::error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    return not_an_address ? host : address.to_string();
}

} // namespace

bool host_rule::is_of_this_host(const std::string& named, time_point now) {
    asio::error_code unknown;
    return own_.contains(named, now) || named == "localhost" || named == canonical(advertised_) ||
           named == asio::ip::host_name(unknown);
}

result<void> host_rule::check(
    const std::string& named,
    const std::string& peer,
    bool is_proven,
    time_point now
) {
    if (named.empty() || is_proven) {
        return {};
    }
    const std::string host = canonical(named);
    if (host == peer || allowed_.contains(host)) {
        return {};
    }
    if (own_.contains(peer, now) && is_of_this_host(host, now)) {
        return {};
    }
    return fail(
        errc::denied,
        fmt::format(
            "host '{}' is not the address {} from which this node connects: list it in "
            "registry.allowed_hosts of the registry, or set registry.secret_file at both",
            named,
            peer
        )
    );
}

} // namespace msd::registry
