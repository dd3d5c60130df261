// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/server_address.hpp"

#include "store/server_url.hpp"

#include <algorithm>
#include <utility>

namespace msd::store::mysql {

result<server_addresses> addresses_of(const server_settings& from) {
    auto url = parse_server_url(from.url);
    if (!url) {
        return tl::unexpected{std::move(url.error())};
    }
    const auto replicas = parse_server_places(from.replicas);
    if (!replicas) {
        return tl::unexpected{replicas.error()};
    }
    server_address each;
    each.user = std::move(url->user);
    each.password = url->password.empty() ? from.password : url->password;
    each.database = std::move(url->database);
    each.tls = from.tls;
    each.tls_ca = from.tls_ca;
    each.connect_timeout = from.connect_timeout;
    each.call_timeout = from.call_timeout;
    server_addresses made;
    const auto add = [&](const server_place& place) {
        each.host = place.host;
        each.port = place.port;
        made.at.push_back(each);
    };
    for (const auto& place : url->places) {
        // An address that is in both lists counts as a replica.
        if (std::ranges::find(*replicas, place) == replicas->end()) {
            add(place);
        }
    }
    std::ranges::for_each(*replicas, add);
    made.replicas = replicas->size();
    return made;
}

} // namespace msd::store::mysql
