// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/cache_table.hpp"
#include "store/cache.hpp"

#include <functional>

namespace msd::store {

struct memory_cache_settings {
    // From the question to the owner on. Seconds: a change that nobody tells us of is seen when
    // they are over. 0: nothing is kept.
    milliseconds ttl{3000};
    milliseconds negative_ttl{5000}; // of what does not exist, if that is shorter
    core::cache_limits limits = {};
    std::function<time_point()> now = clock::now;
};

// The nearest cache there is: in the worker's own memory, for seconds, so that a product many ask
// for at a time costs one question. Nothing here waits.
class memory_cache final : public cache {
public:
    explicit memory_cache(memory_cache_settings settings);

    asio::awaitable<cached> get(std::string key) override;
    using cache::put;
    void put(std::string key, std::optional<std::string> value, question of) override;
    asio::awaitable<bool> remove(std::string key, deadline until) override;
    void removed_elsewhere(std::string key, bool told) override;
    asio::awaitable<void> stop() override { co_return; }
    void write_figures(json::writer& out) const override;

private:
    memory_cache_settings settings_;
    core::cache_table table_;
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
};

} // namespace msd::store
