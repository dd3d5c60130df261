// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/route_table.hpp"
#include "host/run_service.hpp"
#include "host/service_meters.hpp"
#include "host/settings.hpp"
#include "net/task_group.hpp"
#include "node/log_shipper.hpp"
#include "node/registry_link.hpp"
#include "node/unproven_peers.hpp"
#include "node/worker.hpp"
#include "services/service.hpp"
#include "upstream/timeout_log.hpp"
#include "upstream/upstreams.hpp"

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace msd::host {

class packet_session;

// One worker of a named service: serves packet connections of gateways, services and foreign nodes,
// runs the service's handlers, and sends the service's requests to other services.
class service_host final : public node::role,
                           private services::peer_caller,
                           private services::change_announcer {
public:
    service_host(
        node::worker& surroundings,
        const service_settings& settings,
        const services::definition& what,
        policies_reader read_policies = {}
    );
    ~service_host() override;

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    void reopen() override;
    asio::awaitable<result<void>> configure(unique_fd file) override;
    [[nodiscard]] node::worker_load load() const override;
    [[nodiscard]] std::string stats() const override;
    void update_metrics() override;

    // For the sessions.
    struct found_route {
        const services::route* row = nullptr;       // null: no such route
        core::route_table::variable_list variables; // when the uri was a concrete path
    };
    [[nodiscard]] found_route find_route(std::string_view method, std::string_view uri) const;
    [[nodiscard]] const service_settings& settings() const { return settings_; }
    [[nodiscard]] const node::worker_environment& environment() const {
        return worker_.environment;
    }
    [[nodiscard]] net::task_group& running() { return running_; }
    [[nodiscard]] node::unproven_peers& unproven() { return unproven_; }
    [[nodiscard]] node::refusal_log& refusals() { return refusals_; }
    /// This node as its callers address it.
    [[nodiscard]] core::proof_target proof_target() const;
    /// While the unsent bytes of all sessions exceed the limit, closes the session with the most.
    void bound_unsent();
    std::uint64_t requests = 0;
    int streams = 0; // handlers that write a stream, or may do so
    [[nodiscard]] std::size_t requests_in_work() const {
        return running_.size() - static_cast<std::size_t>(streams);
    }
    std::uint64_t other_protocols = 0; // connections that began with something else than a packet
    /// Of the connections that this worker accepted.
    [[nodiscard]] core::input_budget& input() { return worker_.input; }
    /// The reply for a handler that threw an exception; logs and counts the exception.
    [[nodiscard]] services::reply
    handler_failed(const services::route& row, const std::string& request_id, std::string_view why);

    [[nodiscard]] service_meters& meters() { return meters_; }

private:
    [[nodiscard]] upstream::upstream_surroundings surroundings_of(
        node::worker& surroundings,
        const service_settings& settings,
        const services::definition& what
    );
    asio::awaitable<void> run_session(int fd, net::accept_credit credit);
    void note_end_of(const packet_session& session);
    [[nodiscard]] bool has_foreign_sessions() const;
    asio::awaitable<result<answer>>
    ask(std::string method, std::string uri, std::string params, deadline until) override;
    void create_service();
    void scaled() override;
    [[nodiscard]] bool all_announce_changes(std::string_view method, std::string_view uri) override;
    void announce_change(const wire::change& made) override;
    void index_routes();

    node::worker& worker_;
    const service_settings& settings_;
    const services::definition& definition_;
    policies_reader read_policies_;
    service_meters meters_;
    upstream::timeout_log timeouts_; // of its requests to other services
    upstream::upstreams upstreams_;
    std::unique_ptr<services::service> service_;
    std::unordered_map<std::string, const services::route*> by_pattern_; // "GET/goods/{id}"
    core::route_table own_routes_; // for uris that are concrete paths
    std::unique_ptr<node::registry_link> link_;
    std::unique_ptr<node::log_shipper> shipper_;
    node::unproven_peers unproven_;
    node::refusal_log refusals_;
    net::task_group sessions_;
    net::task_group running_; // one task per request in a handler
    std::uint64_t handler_failures_ = 0;
    std::list<packet_session*> open_sessions_;
    bool is_draining_ = false;
};

} // namespace msd::host
