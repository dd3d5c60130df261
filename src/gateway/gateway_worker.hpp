// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/listed_programs.hpp"
#include "core/rate_quota.hpp"
#include "gateway/backend/http_backend.hpp"
#include "gateway/client_connections.hpp"
#include "gateway/exchange_state.hpp"
#include "gateway/meters.hpp"
#include "gateway/rate_limits.hpp"
#include "gateway/routes.hpp"
#include "gateway/run_gateway.hpp"
#include "gateway/settings.hpp"
#include "http/server_connection.hpp"
#include "http/stream_handler.hpp"
#include "net/byte_budget.hpp"
#include "node/registry_link.hpp"
#include "node/worker.hpp"
#include "upstream/program_checks.hpp"
#include "upstream/programs.hpp"
#include "upstream/upstreams.hpp"

#include <ctime>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace msd::gateway {

// The gateway role: accepts HTTP connections, keeps the routes and connections to services, and the
// state that exchanges share. http/server_http1 serves each connection, and gateway/exchange each
// request.
class gateway_worker final : public node::role, private http::stream_handler {
public:
    /// `read_again` reads the file of configure(). An empty `make_limit_store`: no common limits.
    gateway_worker(
        node::worker& surroundings,
        const gateway_settings& settings,
        settings_reader read_again,
        limit_store_maker make_limit_store
    );
    ~gateway_worker() override;

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    void reopen() override { access_log_.reopen(); }
    asio::awaitable<result<void>> configure(unique_fd file) override;
    [[nodiscard]] node::worker_load load() const override;
    [[nodiscard]] std::string stats() const override;
    [[nodiscard]] std::string answer_question(std::string_view question) override;
    void update_metrics() override;

private:
    asio::awaitable<void> serve(http::server_stream* stream) override;
    void refuse_malformed(http::server_stream& stream, int status, std::string_view text) override;
    [[nodiscard]] bool is_draining() const override { return draining_; }
    void note_reply(std::size_t unsent) override;

    asio::awaitable<void> run_connection(int fd, net::accept_credit credit);
    // What depends on the live settings.
    struct live_parts {
        gateway_settings settings;
        routes::configured_ptr compiled;
    };

    [[nodiscard]] static result<live_parts> compile(gateway_settings settings);
    [[nodiscard]] result<void> apply(live_parts fresh);
    void update(const upstream::topology_news& news);
    void follow_programs(const std::set<std::string>& services);
    void expire_programs();
    void report_contested_routes();
    void report_refused_logs();
    [[nodiscard]] result<void> open_limit_store();
    asio::awaitable<void> close_limit_store();
    void count_gateways(const upstream::topology_news& news);
    void bound_unsent();

    node::worker& worker_;
    gateway_settings settings_; // the live keys change, see configure()
    settings_reader read_again_;
    limit_store_maker make_limit_store_;
    http::server_connection_settings connection_settings_;
    upstream::upstreams upstreams_;
    core::listed_programs listed_programs_; // web programs of the registry
    upstream::programs programs_;           // the same, and those of the configuration
    upstream::program_checks checks_;       // of programs_
    net::watchdog::guard programs_guard_;   // expires absent ones
    routes routes_;
    http_backend http_backend_;
    node::registry_link link_;
    net::byte_budget body_memory_; // outlives the sessions
    core::rate_quota log_quota_;
    std::time_t logs_reported_ = 0; // when refused log lines were last reported
    rate_limits limits_;
    std::unique_ptr<limit_store> limit_store_; // null: no common limits
    std::set<core::node_id> gateways_;         // of the registry
    reply_store kept_replies_{settings_.kept_replies};
    access_log access_log_;
    meters meters_;
    gateway_context context_;
    client_connections clients_; // outlives the sessions
    net::task_group sessions_;
    std::list<http::server_connection*> connections_;
    std::size_t replies_uncounted_ = 0; // since bound_unsent() last added up all connections
    bool draining_ = false;
    std::set<std::string> reported_; // contested routes that are in the log
    // The nodes of the registry that programs_ has, by service.
    std::map<std::string, std::set<core::node_id>> followed_;
};

} // namespace msd::gateway
