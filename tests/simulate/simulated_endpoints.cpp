// SPDX-License-Identifier: Apache-2.0
#include "simulate/simulated_endpoints.hpp"

#include <cmath>

namespace msd::simulate {

namespace {

using core::resilience::random_generator;
using core::resilience::try_result;
using std::chrono::nanoseconds;

constexpr milliseconds flap_every{5000};
constexpr milliseconds refusal_after{1};
constexpr milliseconds error_after{2};
constexpr int slow_factor = 20;
constexpr double ns_per_ms = 1e6;

} // namespace

simulated_endpoints::simulated_endpoints(const simulation_settings& settings, time_point began)
    : settings_{settings},
      began_{began},
      endpoints_(settings.endpoints) {}

const fault* simulated_endpoints::fault_of(std::uint32_t index, time_point now) const {
    for (const fault& made : settings_.faults) {
        if (index < made.endpoints && now >= began_ + made.from && now < began_ + made.until) {
            return &made;
        }
    }
    return nullptr;
}

std::optional<simulated_endpoints::reply>
simulated_endpoints::send(std::uint32_t index, ticket sent, time_point now) {
    const fault* const wrong = fault_of(index, now);
    const fault_kind kind = wrong == nullptr ? fault_kind::halved : wrong->kind;
    const bool is_down = kind == fault_kind::dead ||
                         (kind == fault_kind::flapping && (now - began_) / flap_every % 2 == 0);
    if (is_down) {
        return reply{refusal_after, try_result::connection_refused};
    }
    if (kind == fault_kind::broken) {
        return reply{error_after, try_result::gateway_error};
    }
    if (kind == fault_kind::failing) {
        return reply{error_after, try_result::server_error};
    }
    if (kind != fault_kind::silent) {
        endpoints_[index].waiting.push_back(sent);
    }
    return std::nullopt;
}

nanoseconds
simulated_endpoints::length_of(std::uint32_t index, time_point now, random_generator& random)
    const {
    const double random_ms =
        -std::log1p(-random.unit()) * static_cast<double>(settings_.service_random.count());
    const nanoseconds length =
        settings_.service_fixed + nanoseconds{static_cast<std::int64_t>(random_ms * ns_per_ms)};
    const fault* const wrong = fault_of(index, now);
    if (wrong != nullptr && wrong->kind == fault_kind::slow) {
        return length * slow_factor;
    }
    return wrong != nullptr && wrong->kind == fault_kind::halved ? length * 2 : length;
}

} // namespace msd::simulate
