// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/balance/balancer.hpp"
#include "core/resilience/breaker.hpp"
#include "core/resilience/bulkhead.hpp"
#include "core/resilience/ejection.hpp"
#include "core/resilience/health_check.hpp"
#include "core/resilience/retry_plan.hpp"
#include "core/resilience/try_limits.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace msd::core::resilience {

// What decides where a request goes with balance = "hash".
struct hash_source {
    enum class kind : std::uint8_t { client, path, header, cookie };
    kind of = kind::client;
    std::string name; // of the header, in lower case, or of the cookie
};

// The policies for the calls of one service, as [upstream.NAME] has them.
struct service_settings {
    balance_policy balance = balance_policy::p2c;
    hash_source hash;
    retry_settings retry;
    std::vector<std::string> repeatable; // methods that may be sent again; empty: idempotent ones
    breaker_settings breaker;
    ejection_settings outlier; // consecutive 0: endpoints are never ejected
    bulkhead_settings bulkhead;
    // Of the bulkhead, as configured; 0: by the kind of the service, see with_limits().
    std::int32_t requests_max = 0;
    std::int32_t per_endpoint_max = 0;
    time_limits times;
    check_settings check;
    ramp starting = slow_start; // of endpoints that are new, were ejected or unhealthy

    /// These settings with the limits of the bulkhead that are configured, or else with
    /// `otherwise`.
    [[nodiscard]] service_settings with_limits(const bulkhead_settings& otherwise) const {
        service_settings made = *this;
        made.bulkhead.requests = requests_max > 0 ? requests_max : otherwise.requests;
        made.bulkhead.per_endpoint =
            per_endpoint_max > 0 ? per_endpoint_max : otherwise.per_endpoint;
        return made;
    }
    [[nodiscard]] bool ejects() const { return outlier.consecutive > 0; }
    [[nodiscard]] bool repeats(std::string_view method) const {
        return repeatable.empty()
                   ? is_idempotent(method)
                   : std::find(repeatable.begin(), repeatable.end(), method) != repeatable.end();
    }
};

// The policies of all services: those with an entry of their own, and the others.
struct service_policies {
    service_settings defaults;
    std::map<std::string, service_settings, std::less<>> named;

    [[nodiscard]] const service_settings& of(std::string_view service) const {
        const auto found = named.find(service);
        return found == named.end() ? defaults : found->second;
    }
};

} // namespace msd::core::resilience
