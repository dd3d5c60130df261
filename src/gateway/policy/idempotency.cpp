// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/idempotency.hpp"

#include "gateway/single_field.hpp"
#include "wire/http_field.hpp"

namespace msd::gateway::policy {

namespace {

constexpr const char* bad_key =
    "Idempotency-Key: send one key of 1 to 255 visible ASCII characters, quoted or not";

} // namespace

std::optional<refusal> check_idempotency_key(exchange_state& exchange) {
    const single_field given = find_single(exchange.head(), "idempotency-key");
    if (given.value == nullptr) {
        return {};
    }
    auto key = given.is_repeated ? std::nullopt : wire::idempotency_key_of(*given.value);
    if (!key) {
        return refusal{400, bad_key, {}, {}, 0};
    }
    exchange.idem = std::move(*key);
    return {};
}

} // namespace msd::gateway::policy
