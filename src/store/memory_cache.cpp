// SPDX-License-Identifier: Apache-2.0
#include "store/memory_cache.hpp"

#include "base/backoff.hpp"

#include <algorithm>
#include <utility>

namespace msd::store {

namespace {

// Randomizes the time to live, so that entries stored together do not expire together. It is only
// shortened: `ttl` is an upper bound.
milliseconds spread_below(milliseconds span) {
    constexpr double part = 0.05;
    return spread(span * 19 / 20, part);
}

} // namespace

memory_cache::memory_cache(memory_cache_settings settings)
    : settings_{std::move(settings)},
      table_{settings_.limits} {}

asio::awaitable<cached> memory_cache::get(std::string key) {
    const auto [what, value] = table_.find(key, settings_.now());
    cached found;
    if (what == core::cache_table::state::miss) {
        ++misses_;
        co_return found;
    }
    ++hits_;
    found.what = cached::state::absent;
    if (what == core::cache_table::state::value) {
        found.what = cached::state::value;
        found.value = value;
    }
    co_return found;
}

void memory_cache::put(std::string key, std::optional<std::string> value, question of) {
    const auto kept = value ? settings_.ttl : std::min(settings_.ttl, settings_.negative_ttl);
    const time_point until = of.asked + spread_below(kept);
    table_.put(std::move(key), std::move(value), of.asked, until, settings_.now());
}

asio::awaitable<bool> memory_cache::remove(std::string key, deadline /*until*/) {
    removed_elsewhere(std::move(key), true);
    co_return true;
}

void memory_cache::removed_elsewhere(std::string key, bool /*is_sent*/) {
    table_.remove(std::move(key), settings_.now());
}

void memory_cache::write_figures(json::writer& out) const {
    out.key("hits").unsigned_integer(hits_);
    out.key("misses").unsigned_integer(misses_);
    out.key("entries").unsigned_integer(table_.size());
    out.key("bytes").unsigned_integer(table_.bytes());
    out.key("evictions").unsigned_integer(table_.evictions());
}

} // namespace msd::store
