// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/address_list.hpp"
#include "net/own_addresses.hpp"

#include <string>
#include <utility>

namespace msd::registry {

// Which hosts a registration may name. All callers connect to a registered host, so a registration
// that names any host would let its sender choose to whom gateways send requests.
class host_rule {
public:
    /// `allowed`: hosts that every peer may name (registry.allowed_hosts). `advertised`: the host
    /// that the nodes of this host are configured to name; may be empty.
    explicit host_rule(core::address_list allowed, std::string advertised = {})
        : allowed_{std::move(allowed)},
          advertised_{std::move(advertised)} {}

    /// `named` may be empty: the peer's own address. A peer may name its own address; a peer of
    /// this host every address of this host, its name, and `advertised`; a peer that has proven the
    /// cluster secret every host. errc::denied with a text for the peer.
    [[nodiscard]] result<void>
    check(const std::string& named, const std::string& peer, bool is_proven, time_point now);

private:
    [[nodiscard]] bool is_of_this_host(const std::string& named, time_point now);

    core::address_list allowed_;
    std::string advertised_;
    net::own_addresses own_;
};

} // namespace msd::registry
