// SPDX-License-Identifier: Apache-2.0
#include "app/exposure.hpp"

#include <fmt/format.h>

namespace msd::app {

bool is_beyond_loopback(std::string_view host) {
    return !host.empty() && !host.starts_with("127.") && host != "::1" && host != "localhost";
}

std::string warning_without_secret(std::span<const packet_port> ports) {
    std::string exposed;
    for (const packet_port& each : ports) {
        if (is_beyond_loopback(each.host)) {
            exposed += fmt::format("{}{}", exposed.empty() ? "" : ", ", each.role);
        }
    }
    if (exposed.empty()) {
        return {};
    }
    return fmt::format(
        "there is no cluster secret, and other hosts can connect to {}: anybody who can may "
        "register nodes, receive and answer the requests of clients, and send requests to services "
        "past the gateway; set registry.secret_file (msd secret new FILE makes one), or listen on "
        "loopback or a network of your own",
        exposed
    );
}

} // namespace msd::app
