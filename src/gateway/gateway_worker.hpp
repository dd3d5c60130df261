// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rate_quota.hpp"
#include "gateway/run_gateway.hpp"
#include "gateway/settings.hpp"
#include "http/server_connection.hpp"
#include "net/byte_budget.hpp"
#include "node/registry_link.hpp"
#include "node/worker.hpp"
#include "upstream/upstreams.hpp"

#include <ctime>
#include <list>
#include <set>
#include <string>
#include <string_view>

namespace msd::gateway {

class http_session;

// The gateway role: accepts HTTP connections, keeps the routes and connections to services, and the
// state that its sessions share. An http_session serves each connection.
class gateway_worker final : public node::role {
public:
    /// `read_again` reads the file of configure().
    gateway_worker(
        node::worker& surroundings,
        const gateway_settings& settings,
        settings_reader read_again
    );
    ~gateway_worker() override;

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    asio::awaitable<result<void>> configure(unique_fd file) override;
    [[nodiscard]] node::worker_load load() const override;
    [[nodiscard]] std::string stats() const override;

    // For the sessions.
    [[nodiscard]] const gateway_settings& settings() const { return settings_; }
    [[nodiscard]] upstream::upstreams& services() { return upstreams_; }
    [[nodiscard]] bool draining() const { return draining_; }
    /// The gateway has received a list of nodes, from the registry or from the file that the
    /// workers of its pool share.
    [[nodiscard]] bool has_list() const { return has_list_; }
    /// The value of the Date header, formatted once a second.
    [[nodiscard]] std::string_view date();
    /// Call when a reply was queued for a client that now has `unsent` bytes. Closes the slowest
    /// clients while the unsent bytes of all clients exceed upstream.unsent_bytes_max.
    void note_reply(std::size_t unsent);
    /// For the bodies of all sessions; limited by gateway.bodies_bytes_max.
    [[nodiscard]] net::byte_budget& body_memory() { return body_memory_; }
    /// Whether this client may send log lines with so many bytes now (gateway.log_bytes_per_s).
    [[nodiscard]] bool accepts_log(const std::string& client, std::size_t bytes) {
        return log_quota_.take(client, bytes, clock::now());
    }
    std::uint64_t requests = 0;

private:
    asio::awaitable<void> run_session(int fd, net::accept_credit credit);
    void update(const upstream::topology_news& news);
    void report_contested_routes();
    void report_refused_logs(std::time_t now);
    void bound_unsent();

    node::worker& worker_;
    gateway_settings settings_; // the live keys change, see configure()
    settings_reader read_again_;
    http::server_connection_settings connection_settings_;
    upstream::upstreams upstreams_;
    node::registry_link link_;
    net::byte_budget body_memory_; // outlives the sessions
    core::rate_quota log_quota_;
    std::time_t logs_reported_ = 0; // when refused log lines were last reported
    net::task_group sessions_;
    std::list<http::server_connection*> connections_;
    std::size_t replies_uncounted_ = 0; // since bound_unsent() last added up all connections
    std::string date_;
    std::time_t date_second_ = 0;
    bool draining_ = false;
    bool has_list_ = false;
    std::set<std::string> reported_; // contested routes that are in the log
};

} // namespace msd::gateway
