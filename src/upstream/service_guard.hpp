// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/resilience/latency_histogram.hpp"
#include "core/resilience/service_settings.hpp"
#include "upstream/host_cells.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace msd::upstream {

// What protects a service and its callers as a whole, in one worker: the breaker of each route, the
// bulkhead and the retry budget, whose state all workers of the host share. Every request enters
// before its first try and leaves after its last. Single-threaded; held by shared_ptr, because
// requests outlive changes of the configuration.
class service_guard : public std::enable_shared_from_this<service_guard> {
public:
    // Further routes of a service share one breaker.
    static constexpr std::size_t routes_max = 256;

    // The state of one route of the service.
    struct route {
        std::shared_ptr<breaker_claim> breaker;
        core::resilience::latency_histogram latencies;
        core::metric_cell state; // of the breaker
    };

    // A request that may go to an endpoint. Leaves in its destructor, as a cancelled one unless
    // conclude() was called.
    class permit {
    public:
        permit() = default;
        permit(permit&& from) noexcept;
        permit& operator=(permit&& from) noexcept;
        permit(const permit&) = delete;
        permit& operator=(const permit&) = delete;
        ~permit() { conclude(core::resilience::try_result::cancelled, {}); }

        /// The outcome of the whole request, retries included; `now` may be time_point{} for a
        /// result that counts nowhere.
        void conclude(core::resilience::try_result result, time_point now);
        /// Gives the place in the bulkhead back before the end, for a reply that takes as long as
        /// its client likes.
        void release();
        /// The limit of a try, see core::resilience::try_deadline().
        [[nodiscard]] deadline
        try_until(deadline request, core::resilience::try_kind kind, time_point now) const;
        /// The time that the service has taken, without that of the client; else conclude() takes
        /// the time since the request entered.
        void took(std::chrono::microseconds time) { took_ = time; }
        /// A try has succeeded after `latency`.
        void note_latency(std::chrono::microseconds latency, time_point now) const;
        [[nodiscard]] bool is_entered() const { return of_ != nullptr; }

    private:
        friend class service_guard;
        std::shared_ptr<service_guard> of_;
        route* route_ = nullptr; // of of_
        core::resilience::breaker_decision admitted_;
        time_point began_{};
        std::optional<std::chrono::microseconds> took_;
        core::resilience::shared_count* total_ = nullptr; // of the requests in flight …
        core::resilience::shared_count* part_ = nullptr;  // … and this worker's part
        bool has_place_ = true;
    };

    // Why a request may not enter: 503 for its client.
    struct refusal {
        std::string_view why; // a literal
        milliseconds retry_after{1000};
    };

    // A request that wants to enter. `cancel` is set while it waits for a place.
    struct entry {
        std::string_view method; // empty: all methods of the route are one
        std::string_view route;
        deadline until = deadline::never();
        std::function<void()> cancel = {};
        core::resilience::breaker_decision admitted = {}; // of enter(), for wait()
    };

    service_guard(
        asio::any_io_executor executor,
        host_cells& cells,
        std::string service,
        const core::resilience::service_settings& settings
    );
    ~service_guard();
    service_guard(const service_guard&) = delete;
    service_guard& operator=(const service_guard&) = delete;

    /// For requests from now on. All requests in flight together are at most those that the
    /// endpoints may have, so that requests wait when these are full.
    void apply(const core::resilience::service_settings& settings, std::size_t endpoints);
    /// The number of endpoints that take requests now.
    void set_endpoints(std::size_t endpoints) {
        if (endpoints != endpoints_ && endpoints > 0) {
            limit_for(endpoints);
        }
    }

    /// Enters at once, or refuses; nothing: the request has to wait for a place, see wait().
    [[nodiscard]] std::optional<tl::expected<permit, refusal>>
    enter(entry& request, time_point now);
    /// After enter() returned nothing. `request` lives until this returns. A cancelled request is
    /// refused.
    asio::awaitable<tl::expected<permit, refusal>> wait(entry* request);

    /// Whether a failed try is followed by another one. Takes a retry from the budget.
    [[nodiscard]] core::resilience::retry_decision decide_retry(
        const core::resilience::request_traits& request,
        const core::resilience::failed_try& tried,
        time_point now
    );

    /// A further try that decide_retry() was not asked about. `reason`: a literal.
    void count_retry(std::string_view reason);

    /// The state of the policies, for metrics; with each heartbeat.
    void note_states(time_point now);
    [[nodiscard]] policy_meters& meters() { return cells_.meters(); }
    // What is known of a route, for explanations.
    struct route_facts {
        const core::resilience::breaker* breaker = nullptr; // null: nothing
        // Of this worker; 0: there are not enough replies.
        std::chrono::microseconds p50{0};
        std::chrono::microseconds p99{0};
    };
    [[nodiscard]] route_facts look_at(std::string_view method, std::string_view of_route) const;
    [[nodiscard]] const std::shared_ptr<service_claim>& claim() const { return claim_; }
    [[nodiscard]] const core::resilience::service_settings& settings() const { return settings_; }

private:
    struct waiter;
    struct listed_waiter;
    // Requests of other workers that end wake nobody here, so waiting ones look again this often.
    static constexpr milliseconds look_every{5};

    using route_name = std::pair<std::string, std::string>; // method and route
    using route_view = std::pair<std::string_view, std::string_view>;
    struct earlier {
        using is_transparent = void;
        bool operator()(const route_view& one, const route_view& other) const {
            return one < other;
        }
    };

    void bind();
    void limit_for(std::size_t endpoints);
    [[nodiscard]] route& route_of(route_view name, time_point now);
    [[nodiscard]] permit
    permit_for(route& of, const core::resilience::breaker_decision& admitted, time_point now);
    void leave(core::resilience::shared_count& total, core::resilience::shared_count& part);
    void admit_waiting(time_point now);
    void look_again();
    void count_transition(const route& of, std::string_view to);
    [[nodiscard]] const route_name* name_of(const route& of) const;
    void report_breaker(const route& of, core::resilience::breaker_phase before, time_point now);

    asio::any_io_executor executor_;
    host_cells& cells_;
    std::string service_;
    core::resilience::service_settings settings_;
    std::shared_ptr<service_claim> claim_;
    std::size_t endpoints_ = 1;
    std::optional<core::resilience::bulkhead> bulkhead_;
    const core::resilience::service_cell* bound_ = nullptr; // the cell of bulkhead_ …
    core::resilience::shared_count* bound_total_ = nullptr; // … and its requests
    core::resilience::shared_count* bound_part_ = nullptr;
    using route_map = std::map<route_name, std::unique_ptr<route>, earlier>;
    route_map routes_;
    route_map::iterator last_route_ = routes_.end(); // most requests are for that of the one before
    std::map<core::resilience::bulkhead::id, waiter*> waiting_;
    core::resilience::bulkhead::id last_waiter_ = 0;
    asio::steady_timer look_; // runs while requests wait
    bool looks_ = false;
    core::resilience::random_generator random_;
    core::metric_cell running_;
    core::metric_cell waits_;
    core::metric_cell refused_;
    std::map<std::string_view, core::metric_cell> retries_; // by the reason
};

} // namespace msd::upstream
