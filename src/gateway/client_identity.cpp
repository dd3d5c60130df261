// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_identity.hpp"

#include "gateway/backend/forwarded_request.hpp"
#include "wire/forwarded.hpp"
#include "wire/http_host.hpp"
#include "wire/http_line.hpp"

#include <asio/ip/address.hpp>

#include <optional>
#include <vector>

namespace msd::gateway {

namespace {

using elements = std::vector<wire::forwarded_element>;

// All fields of that name as one list (RFC 9110, 5.3).
std::string joined(const wire::http_request& head, std::string_view name) {
    std::string out;
    for (const wire::http_header& field : head.headers) {
        if (wire::same_text(field.name, name)) {
            out.append(out.empty() ? "" : ",").append(field.value);
        }
    }
    return out;
}

// The X-Forwarded-* fields in the form of Forwarded. Of -Proto and -Host the last value counts: the
// proxy that the gateway trusts has written it.
elements read_x_forwarded(const wire::http_request& head) {
    elements out;
    const std::string nodes = joined(head, "x-forwarded-for");
    if (!nodes.empty()) {
        wire::for_each_in_list(nodes, [&out](std::string_view node) {
            out.push_back({std::string{node}, {}, {}});
        });
    }
    const auto last_of = [&head](std::string_view name) {
        std::string last;
        const std::string list = joined(head, name);
        wire::for_each_in_list(list, [&last](std::string_view value) { last = value; });
        return last;
    };
    std::string proto = last_of("x-forwarded-proto");
    std::string host = last_of("x-forwarded-host");
    if (out.empty() && !(proto.empty() && host.empty())) {
        out.emplace_back();
    }
    if (!out.empty()) {
        out.back().proto = std::move(proto);
        out.back().host = std::move(host);
    }
    return out;
}

// The address in its shortest form; empty: it is none.
std::string canonical_address(std::string_view node) {
    asio::error_code failure;
    const auto address = asio::ip::make_address(std::string{wire::address_of_node(node)}, failure);
    if (failure) {
        return {};
    }
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

void take_scheme(client_identity& into, std::string_view proto) {
    if (wire::same_text(proto, "https") || wire::same_text(proto, "http")) {
        into.scheme = wire::same_text(proto, "https") ? "https" : "http";
    }
}

} // namespace

client_identity identify_client(
    const wire::http_request& head,
    const std::string& peer,
    const core::address_list& trusted_proxies
) {
    client_identity out;
    out.address = peer;
    out.host = requested_host(head);
    out.is_proxy_trusted = !trusted_proxies.empty() && trusted_proxies.contains(peer);
    if (!out.is_proxy_trusted) {
        return out;
    }
    elements said = read_x_forwarded(head);
    if (said.empty()) {
        said = wire::read_forwarded(joined(head, "forwarded")).value_or(elements{});
    }
    if (said.empty()) {
        return out;
    }
    // Scheme and host are of the client's own request only where the nearest proxy has seen it;
    // proxies behind each other pass them on.
    take_scheme(out, said.back().proto);
    if (wire::is_host(said.back().host)) {
        out.host = said.back().host;
    }
    for (auto each = said.rbegin(); each != said.rend(); ++each) {
        std::string address = canonical_address(each->node);
        if (address.empty()) {
            break; // what stands in front of it cannot be told
        }
        out.address = std::move(address);
        if (!trusted_proxies.contains(out.address)) {
            break;
        }
    }
    return out;
}

} // namespace msd::gateway
