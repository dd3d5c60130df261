// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/address_list.hpp"
#include "wire/http_request_parser.hpp"

#include <string>
#include <string_view>

namespace msd::gateway {

// Who sends a request, and to which address. Without trusted proxies this is what the connection
// and the head say. A peer that gateway.trusted_proxies names is believed what it says of the
// client in front of it: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239). The client is
// then the last address that is not a trusted proxy: what stands in front of it was written by
// itself.
struct client_identity {
    std::string address;
    std::string scheme = "http";
    std::string host; // the Host field, or the authority of an absolute target
    bool is_proxy_trusted = false;
};

[[nodiscard]] client_identity identify_client(
    const wire::http_request& head,
    const std::string& peer,
    const core::address_list& trusted_proxies
);

} // namespace msd::gateway
