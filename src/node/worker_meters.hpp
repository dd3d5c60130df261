// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace msd::node {

class role;
struct worker;

// The metrics that workers of every role have (core/metrics.hpp). They are brought up to date with
// each heartbeat; what is counted for each request is a matter of the role.
class worker_meters {
public:
    /// `of` outlives this object.
    explicit worker_meters(worker& of);

    /// The private memory, in the scoreboard.
    void measure_memory(time_point now);
    /// The same, once a second; the load of `instance`, also in the scoreboard, and its own
    /// metrics.
    void update(role& instance);
    /// The numbers of `stats`, a JSON object: a series for each, "goods.cache.hits" for nested
    /// ones.
    void update_figures(const std::string& stats);

private:
    static constexpr std::chrono::seconds measure_memory_every{1};

    void set_figures(const std::string& object, const std::string& prefix, std::size_t depth);

    worker& worker_;
    core::metric_cell connections_;
    core::metric_cell input_bytes_;
    core::followed_counter requests_;
    core::followed_counter input_ended_;
    std::map<std::string, core::metric_cell, std::less<>> figures_;
    time_point next_measurement_{};
};

} // namespace msd::node
