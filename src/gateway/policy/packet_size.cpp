// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/packet_size.hpp"

#include "wire/request_size.hpp"

namespace msd::gateway::policy {

namespace {

constexpr std::size_t envelope_bytes = 1024; // of a request packet besides its params and uri

} // namespace

std::optional<refusal> check_packet_size(exchange_state& exchange) {
    const std::string& params = exchange.params;
    const std::size_t request_bytes_max =
        exchange.gateway.settings.upstream.packets.request_bytes_max;
    const std::size_t most = request_bytes_max + wire::request_envelope_bytes;
    const std::size_t rest = exchange.match.target->pattern.size() + envelope_bytes;
    if (params.size() + rest <= most || wire::counted_bytes(params) + rest <= most) {
        return {};
    }
    return refusal{413, "the request is larger than services accept: split it", {}, {}, 0};
}

} // namespace msd::gateway::policy
