// SPDX-License-Identifier: Apache-2.0
#include "host/request_sender.hpp"

#include "core/node.hpp"
#include "core/registration.hpp"
#include "wire/packet_headers.hpp"

#include <asio/ip/address.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace msd::host {

namespace {

constexpr std::size_t address_bytes_max = 64; // an IPv6 address with a zone

// Empty when the value is no address of IPv4 or IPv6. One address has one form here, because
// services compare the text.
std::string address_in(const json::value* given) {
    const auto text = given == nullptr ? std::nullopt : given->as_string();
    if (!text || text->size() > address_bytes_max) {
        return {};
    }
    asio::error_code unusable;
    const auto address = asio::ip::make_address(*text, unusable);
    return unusable ? std::string{} : core::plain_host(address.to_string());
}

} // namespace

void add_hello(services::sender& peer, std::string_view name) {
    if (!peer.name.empty() || name.empty() || name.size() > core::name_bytes_max) {
        return;
    }
    peer.name = name;
    peer.is_gateway = name == core::gateway_name;
}

services::sender
sender_of(const services::sender& peer, const json::object& fields, bool is_proof_needed) {
    services::sender out = peer;
    out.is_trusted = peer.is_proven || (!is_proof_needed && peer.is_local && !peer.name.empty());
    if (peer.is_gateway && (peer.is_proven || !is_proof_needed)) {
        out.client = address_in(fields.find("client"));
    }
    return out;
}

wire::http_fields
wanted_headers(const json::object& fields, std::span<const std::string_view> wanted) {
    const json::value* const given = fields.find("headers");
    if (given == nullptr) {
        return {};
    }
    const wire::http_fields read = wire::read_headers(given->text).fields;
    wire::http_fields out;
    for (const auto& [name, value] : read) {
        if (std::ranges::find(wanted, name) != wanted.end()) {
            out.add(name, value);
        }
    }
    return out;
}

} // namespace msd::host
