// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/cache_table.hpp"
#include "store/cache.hpp"

#include <functional>

namespace msd::store {

struct memory_cache_settings {
    // Counted from the request to the owner. After this time a change that was not announced
    // becomes visible. 0: nothing is cached.
    milliseconds ttl{3000};
    milliseconds negative_ttl{
        5000}; // of entries for objects that do not exist, if shorter than `ttl`
    core::cache_limits limits = {};
    std::function<time_point()> now = clock::now;
};

// A cache in the worker's memory. Entries live for seconds, so that many requests for one product
// cause one request to its owner. No operation waits.
class memory_cache final : public cache {
public:
    explicit memory_cache(memory_cache_settings settings);

    asio::awaitable<cached> get(std::string key) override;
    using cache::put;
    void put(std::string key, std::optional<std::string> value, question of) override;
    asio::awaitable<bool> remove(std::string key, deadline until) override;
    void removed_elsewhere(std::string key, bool is_sent) override;
    asio::awaitable<void> stop() override { co_return; }
    void write_figures(json::writer& out) const override;

private:
    memory_cache_settings settings_;
    core::cache_table table_;
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
};

} // namespace msd::store
