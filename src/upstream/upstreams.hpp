// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/route_table.hpp"
#include "core/topology.hpp"
#include "upstream/endpoint_group.hpp"
#include "upstream/service_guard.hpp"
#include "upstream/topology_news.hpp"
#include "upstream/upstream_node.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msd::upstream {

// The nodes of all services, for the calls of one worker: follows the topology, keeps the routes,
// and takes each request to an instance of its service, by the policies of service_guard and
// endpoint_group. A node that the registry no longer lists may stay in use: see update().
class upstreams {
public:
    enum class connecting : std::uint8_t {
        eagerly,  // to every node as soon as it is known (gateway)
        on_demand // to the nodes of a service when it is first called (services)
    };

    upstreams(upstream_surroundings around, connecting when);
    ~upstreams();

    /// Takes changes of the topology; costs as much as they change. An absent node is removed at
    /// once when the registry has been connected for longer than forget_absent or when the node
    /// cannot be reached, otherwise after that time. Nodes whose host no caller may connect to
    /// (core/advertised_host.hpp) are ignored.
    void update(const topology_news& news);
    /// The connection to the registry ended: until the next connection, a node is not removed only
    /// because the list lacks it.
    void registry_lost();
    /// The policies of requests from now on.
    void apply(core::resilience::service_policies policies);

    /// Routes of all services that have instances, of services whose instances failed (their
    /// requests get errc::unavailable), and of msd services that left in order.
    [[nodiscard]] const core::route_table& routes() const { return routes_; }
    /// See core::route_table.
    [[nodiscard]] std::vector<core::route_table::route_ptr> take_contested() {
        return routes_.take_contested();
    }

    struct attempt {
        result<upstream_reply> outcome = fail(errc::internal, "not tried");
        int tries = 0;        // requests sent
        bool msd = false;     // the peer speaks section 4 of the protocol
        std::string endpoint; // "host:port" of the last one; empty: none was reached
        // Of errc::refused by the breaker or the bulkhead of the service; 0: by the instances.
        milliseconds retry_after{0};
        bool was_queued = false; // errc::refused: no place in the bulkhead became free in time
    };

    /// One request to an instance of the service `name`, and again to another one (or, when there
    /// is none, to the same) where the retry policy allows it. An msd node that has accepted a
    /// connection but has sent no hello yet is waited for until the request's deadline when no
    /// other instance takes the request. Errors: unavailable (no instance, or none can be reached),
    /// refused (all are full, or a policy of the service refuses), timeout, closed, cancelled.
    asio::awaitable<attempt> call(std::string_view name, outgoing request);

    /// Sends a request that has no reply; errc::unavailable when no instance takes it.
    [[nodiscard]] result<void> post(std::string_view name, const outgoing& request);

    /// Starts connecting to all instances of a service before it is called.
    void connect(std::string_view name);

    /// All instances of an msd service left in order.
    [[nodiscard]] bool have_all_deregistered(std::string_view name) const;
    [[nodiscard]] bool knows(std::string_view name) const;
    /// No instance of the service is a foreign node.
    [[nodiscard]] bool is_msd_only(std::string_view name) const;

    // A service as explanations show it. Valid until the next change.
    struct service_view {
        const service_guard& guard;
        const endpoint_group& group;
        std::span<const std::shared_ptr<upstream_node>> nodes; // its indexes are those of the group
    };
    /// nullopt: no instance is known.
    [[nodiscard]] std::optional<service_view> look_at(std::string_view name);

    /// The state of the policies of all services, for metrics; with each heartbeat.
    void note_states(time_point now);

    /// `react` is called whenever an instance may have become reachable or unreachable.
    void on_change(std::function<void()> react) { on_change_ = std::move(react); }

    /// Ends every connection; calls in flight get errc::closed.
    void close();

private:
    using node_ptr = std::shared_ptr<upstream_node>;

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };

    using name_list = std::list<std::string>;

    struct service_nodes {
        std::vector<node_ptr> nodes; // in the order in which they were listed
        std::shared_ptr<service_guard> guard;
        std::shared_ptr<endpoint_group> group; // its indexes are those of nodes
        bool is_grouped = false;               // the group has all nodes
        // The last instance that left, kept for its routes while there is no other.
        std::shared_ptr<const core::node_info> ghost;
        bool is_deregistered = false;    // every instance of an msd service left in order
        bool is_called = false;          // new instances are connected to at once
        name_list::iterator empty_place; // in empty_services_ while there are no nodes
    };

    using service_map = std::unordered_map<std::string, service_nodes, text_hash, std::equal_to<>>;

    [[nodiscard]] bool can_call(const core::node_info& listed);
    void renew(const node_ptr& known, const core::listed_node_ptr& listed);
    void admit(const core::listed_node_ptr& listed);
    void admit_refused();
    void note_absent(const core::node_id& id, bool is_first);
    [[nodiscard]] service_map::iterator add_service(const std::string& name);
    [[nodiscard]] bool make_room();
    void remove_ghost(service_nodes& of);
    void drop_absent(time_point now);
    void drop(const node_ptr& node);
    void record_removal(service_nodes& from, const upstream_node& gone);
    [[nodiscard]] bool has_deregistered(const upstream_node& node) const;
    static void start_all(service_nodes& of);
    void changed();
    void look_at_checks();
    class call_run; // a call, see upstreams_calls.cpp
    // An instance and the connection to it for one request.
    struct pick_result {
        std::shared_ptr<upstream_node> node;
        std::shared_ptr<upstream_connection> connection; // null: none takes the request
        std::shared_ptr<endpoint_group> group;           // of `chosen`
        endpoint_group::choice chosen;
        bool was_avoided = false; // it is one of the instances to avoid
    };
    // What a request wants of pick().
    struct pick_wish {
        const outgoing* request = nullptr;
        std::span<const node_ptr> avoid{}; // they come last
        bool may_probe = false;            // see endpoint_group::wish
    };
    void group(const std::string& name, service_nodes& of);
    [[nodiscard]] static pick_result pick(service_nodes& from, const pick_wish& wish);
    [[nodiscard]] bool is_lost(const pick_result& picked, std::string_view name) const;
    static void look_at_all(
        const service_nodes& from,
        const pick_wish& wish,
        pick_result& best,
        fitness& best_how
    );
    asio::awaitable<result<pick_result>> pick_or_wait(std::string_view name, const pick_wish* wish);
    asio::awaitable<bool> wait_for_change(const outgoing* request, deadline until);

    upstream_surroundings around_;
    connecting when_;
    std::unique_ptr<host_cells> own_cells_; // when the surroundings have none
    core::resilience::service_policies policies_;
    service_map services_;
    std::map<core::node_id, node_ptr> nodes_;  // of all services
    std::map<core::node_id, node_ptr> absent_; // those that the list lacks
    name_list empty_services_;                 // without nodes, the oldest first
    std::size_t ghost_routes_ = 0;             // of the ghosts of all services
    // Nodes of services for which there was no room.
    std::map<core::node_id, core::listed_node_ptr> refused_;
    std::size_t hosts_reported_ = 0; // nodes in the log because of their host
    core::route_table routes_;
    net::watchdog::guard absent_guard_;
    net::watchdog::guard check_guard_;
    std::function<void()> on_change_;
    time_point registry_since_ = time_point::min(); // when the registry connection was made
    bool registry_connected_ = false;               // that connection is open
    std::list<asio::steady_timer*> waiting_;        // of calls that wait for a connection
    bool closed_ = false;
};

} // namespace msd::upstream
