// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/single_flight.hpp"
#include "services/goods_answer.hpp"
#include "services/service.hpp"
#include "store/cache.hpp"
#include "store/memory_cache.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::store::redis {
class shared_cache;
}

namespace msd::services {

// `what` of an announced change of products.
inline constexpr std::string_view goods_kind = "goods";

/// The cache key of a product.
[[nodiscard]] std::string goods_cache_key(std::int64_t id);

// Looks up products by id for services that do not own them: in the worker's memory, then in the
// shared cache, if one is configured, then by a request to the goods service over the topology.
// Concurrent look-ups of one product share one request. A changed product is requested again as
// soon as the goods service announces the change; if the announcement is lost, when the entry in
// memory expires. The absence of a product is cached only when an msd goods service reported it,
// because only msd announces that a product was added.
//
// With cache.legacy_keys, goods nodes of an existing deployment announce changes by their plain
// keys in Redis. These are read with every look-up, so the worker's memory is used only while Redis
// is unavailable.
class goods_lookup {
public:
    explicit goods_lookup(const service_context& context);
    ~goods_lookup();
    goods_lookup(const goods_lookup&) = delete;
    goods_lookup& operator=(const goods_lookup&) = delete;

    /// Connects to the shared cache, if there is one. errc::invalid: the settings cannot work.
    [[nodiscard]] result<void> start();
    asio::awaitable<void> stop();

    /// errc::unavailable, errc::timeout, errc::closed: the product is not cached and the goods
    /// service did not answer; errc::malformed: its reply cannot be parsed.
    asio::awaitable<result<goods_answer>> find(std::int64_t id, deadline until);

    /// Call when the goods service announces that these products have changed.
    void changed(const wire::change& made);

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    // A request to the goods service, and the look-ups that wait for its answer.
    struct question {
        time_point asked = clock::now();
        std::list<asio::steady_timer*> waiting;
        std::optional<result<goods_answer>> answer;
    };
    using flights = core::single_flight<question>;
    class lead;

    [[nodiscard]] bool is_too_old(const question& under_way) const;
    // The cached product, or, if there is none, the version to pass to the cache with a value.
    struct looked_up {
        std::optional<goods_answer> answer;
        std::string version;
    };

    asio::awaitable<looked_up> find_in(store::cache* in, std::int64_t id);
    asio::awaitable<result<goods_answer>>
    ask(std::int64_t id, std::shared_ptr<flights::flight> shared, deadline until);
    asio::awaitable<void> wait(std::shared_ptr<flights::flight> shared, deadline until);
    asio::awaitable<result<goods_answer>>
    ask_others(std::int64_t id, const flights::flight* shared, deadline until);
    asio::awaitable<result<goods_answer>>
    ask_owner(std::int64_t id, const flights::flight* shared, std::string version, deadline until);
    [[nodiscard]] store::cache* usable_cache() const;
    [[nodiscard]] bool reads_plain_keys() const;

    service_context context_;
    store::memory_cache memory_;
    std::unique_ptr<store::redis::shared_cache> cache_; // shared by all; null: there is none
    flights flights_;
    std::uint64_t asked_ = 0;   // requests to the goods service
    std::uint64_t shared_ = 0;  // look-ups answered by the request of another one
    std::uint64_t changes_ = 0; // announced
    std::uint64_t unreadable_ = 0;
};

} // namespace msd::services
