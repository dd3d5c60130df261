// SPDX-License-Identifier: Apache-2.0
#include "admin/readiness.hpp"

#include "base/json.hpp"

#include <cstdint>
#include <map>

namespace msd::admin {

namespace {

struct pool {
    std::uint64_t slots = 0;
    std::uint64_t ready = 0;
};

std::map<std::string, pool> pools_in(const std::vector<core::metric_series>& all) {
    std::map<std::string, pool> pools;
    for (const core::metric_series& each : all) {
        if (each.family->which == core::metric::pool_slots) {
            pools[each.labels.front()].slots = each.value();
        } else if (each.family->which == core::metric::pool_slots_ready) {
            pools[each.labels.front()].ready = each.value();
        }
    }
    std::erase_if(pools, [](const auto& each) { return each.second.slots == 0; });
    return pools;
}

} // namespace

readiness readiness_of(const std::vector<core::metric_series>& all) {
    const std::map<std::string, pool> pools = pools_in(all);
    readiness made;
    made.is_ready = !pools.empty();
    bool is_degraded = false;
    for (const auto& [role, its] : pools) {
        made.is_ready = made.is_ready && its.ready > 0;
        is_degraded = is_degraded || its.ready < its.slots;
    }
    json::writer out{made.body};
    out.begin_object();
    out.key("status").string(!made.is_ready ? "not ready" : is_degraded ? "degraded" : "ready");
    out.key("waiting_for").begin_array();
    for (const auto& [role, its] : pools) {
        if (its.ready == 0) {
            out.string(role);
        }
    }
    out.end_array();
    out.key("pools").begin_array();
    for (const auto& [role, its] : pools) {
        out.begin_object().key("role").string(role);
        out.key("slots").unsigned_integer(its.slots);
        out.key("ready").unsigned_integer(its.ready).end_object();
    }
    out.end_array().end_object();
    return made;
}

} // namespace msd::admin
