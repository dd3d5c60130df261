// SPDX-License-Identifier: Apache-2.0
#include "node/worker_meters.hpp"

#include "base/json.hpp"
#include "base/private_memory.hpp"
#include "base/version.hpp"
#include "node/worker.hpp"

namespace msd::node {

namespace {

constexpr std::size_t depth_max = 4;     // of objects in the figures of a role
constexpr std::size_t figures_max = 100; // of one role

} // namespace

worker_meters::worker_meters(worker& of) : worker_{of} {
    using core::metric;
    const std::string& role = of.environment.pool;
    connections_ = of.metrics.cell_of(metric::worker_connections, {role});
    input_bytes_ = of.metrics.cell_of(metric::worker_input_bytes, {role});
    requests_ = core::followed_counter{of.metrics.cell_of(metric::worker_requests, {role})};
    input_ended_ = core::followed_counter{of.metrics.cell_of(metric::worker_input_ended, {role})};
    of.metrics.cell_of(metric::build_info, {version(), build_name()}).set(1);
}

void worker_meters::measure_memory(time_point now) {
    if (worker_.board) {
        core::worker_figures& figures = worker_.board->line(worker_.environment.line);
        figures.private_bytes.store(private_memory_bytes(), std::memory_order_relaxed);
        next_measurement_ = now + measure_memory_every;
    }
}

void worker_meters::update(role& instance) {
    if (const time_point now = clock::now(); now >= next_measurement_) {
        measure_memory(now);
    }
    const worker_load load = instance.load();
    if (worker_.board) {
        core::worker_figures& figures = worker_.board->line(worker_.environment.line);
        figures.connections.store(load.connections, std::memory_order_relaxed);
        figures.requests.store(load.requests, std::memory_order_relaxed);
    }
    connections_.set(load.connections);
    requests_.follow(load.requests);
    input_bytes_.set(worker_.input.used());
    input_ended_.follow(worker_.input.ended());
    instance.update_metrics();
    worker_.cells.meters().publish();
}

void worker_meters::update_figures(const std::string& stats) {
    set_figures(stats, {}, 0);
}

void worker_meters::set_figures(
    const std::string& object,
    const std::string& prefix,
    std::size_t depth
) {
    json::object fields;
    if (depth == depth_max || !fields.parse(object)) {
        return;
    }
    for (const json::member& each : fields) {
        const std::string name = prefix + std::string{each.name};
        if (each.val.type == json::kind::object) {
            set_figures(std::string{each.val.text}, name + '.', depth + 1);
            continue;
        }
        const auto number = each.val.type == json::kind::boolean
                                ? static_cast<std::int64_t>(each.val.as_bool().value_or(false))
                                : each.val.as_int64();
        if (!number) {
            continue;
        }
        auto known = figures_.find(name);
        if (known == figures_.end() && figures_.size() < figures_max) {
            known = figures_
                        .emplace(
                            name,
                            worker_.metrics.cell_of(
                                core::metric::worker_figure,
                                {worker_.environment.pool, name}
                            )
                        )
                        .first;
        }
        if (known != figures_.end()) {
            known->second.set(static_cast<std::uint64_t>(*number));
        }
    }
}

} // namespace msd::node
