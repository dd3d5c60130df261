// SPDX-License-Identifier: Apache-2.0
#include "process/master_meters.hpp"

namespace msd::process {

using core::metric;

master_meters::master_meters(const core::scoreboard& board)
    : metrics_{board, core::scoreboard::master_line} {}

void master_meters::update(const std::list<worker_pool>& pools) {
    for (const worker_pool& pool : pools) {
        pool_meters& its = meters_of(pool.name());
        its.slots.set(pool.slots().size());
        its.ready.set(pool.is_stopping() ? 0 : pool.ready_slots());
        std::array<std::uint64_t, phases> count{};
        for (const worker_process& worker : pool.workers()) {
            ++count.at(static_cast<std::size_t>(worker.now_is));
        }
        for (std::size_t phase = 0; phase < phases; ++phase) {
            its.workers.at(phase).set(count.at(phase));
        }
        its.exits.follow(pool.replaced().exits);
        its.signals.follow(pool.replaced().signals);
        its.kills.follow(pool.replaced().kills);
    }
}

master_meters::pool_meters& master_meters::meters_of(const std::string& pool) {
    const auto [known, is_new] = pools_.try_emplace(pool);
    pool_meters& its = known->second;
    if (!is_new) {
        return its;
    }
    its.slots = metrics_.cell_of(metric::pool_slots, {pool});
    its.ready = metrics_.cell_of(metric::pool_slots_ready, {pool});
    for (std::size_t phase = 0; phase < phases; ++phase) {
        const auto state = text_of(static_cast<worker_process::phase>(phase));
        its.workers.at(phase) = metrics_.cell_of(metric::workers, {pool, state});
    }
    const auto counter = [&](std::string_view reason) {
        return core::followed_counter{metrics_.cell_of(metric::worker_restarts, {pool, reason})};
    };
    its.exits = counter("exit");
    its.signals = counter("signal");
    its.kills = counter("killed");
    return its;
}

} // namespace msd::process
