// SPDX-License-Identifier: Apache-2.0
#include "host/service_host.hpp"

#include "base/enlisted.hpp"
#include "base/log.hpp"
#include "core/registration.hpp"
#include "host/packet_session.hpp"
#include "host/route_description.hpp"
#include "net/connect.hpp"
#include "node/input_bounds.hpp"
#include "node/membership.hpp"
#include "wire/request_size.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <utility>

namespace msd::host {

namespace {

constexpr std::size_t sessions_max = 10'000;
constexpr milliseconds fast_stop{2000}; // with less time, the drain does not wait for peers
constexpr milliseconds deregister_limit{2000};
constexpr milliseconds silence_limit{2000}; // for the first packet on a new connection
constexpr milliseconds last_look{200};

// Unsent bytes of replies, of all sessions together.
constexpr std::size_t unsent_total_max = std::size_t{512} << 20;
// For a caller whose host has vanished. A caller may also pause reading for this long.
constexpr milliseconds vanished_after{30'000};

core::node_info self_of(const services::service& service, std::string_view name) {
    core::node_info out;
    out.id.name = name;
    out.proto = wire::protocol_version;
    for (const services::route& row : service.routes()) {
        out.urls.push_back(std::string{row.method}.append(row.path));
        out.routes.push_back(describe(row));
    }
    return out;
}

} // namespace

service_host::service_host(
    node::worker& surroundings,
    const service_settings& settings,
    const services::definition& what,
    policies_reader read_policies
)
    : worker_{surroundings},
      settings_{settings},
      definition_{what},
      read_policies_{std::move(read_policies)},
      meters_{surroundings.metrics, what.name},
      upstreams_{
          surroundings_of(surroundings, settings, what),
          upstream::upstreams::connecting::on_demand},
      unproven_{surroundings.dog},
      sessions_{surroundings.loop.get_executor(), net::log_failures("connections")},
      running_{surroundings.loop.get_executor(), net::log_failures("requests")} {
    const std::size_t request_bytes_max = settings.packets.request_bytes_max;
    node::bound_input(
        surroundings,
        settings.packets,
        wire::request_frame_bytes_max(request_bytes_max)
    );
    node::bound_replies(surroundings, settings.upstream);
    upstreams_.apply(settings.policies);
}

service_host::~service_host() = default;

upstream::upstream_surroundings service_host::surroundings_of(
    node::worker& surroundings,
    const service_settings& settings,
    const services::definition& what
) {
    auto made = node::upstream_surroundings_of(surroundings, settings.upstream, settings.name);
    if (what.receives_changes) {
        made.self.on_change = [this](const wire::change& said) {
            service_->changed(said);
        };
    }
    return made;
}

void service_host::create_service() {
    services::service_options chosen;
    chosen.data_dir = settings_.data_dir;
    chosen.slot = worker_.environment.slot;
    chosen.store = settings_.store;
    chosen.memory = settings_.memory;
    chosen.cache = settings_.cache;
    chosen.shared = settings_.shared;
    chosen.requests_in_flight_max = settings_.requests_in_flight_max;
    chosen.rules = settings_.rules;
    chosen.logs = settings_.logs;
    services::peer_caller& peers = *this;
    services::change_announcer& changes = *this;
    const services::service_context context{worker_.loop.get_executor(), chosen, peers, changes};
    service_ = definition_.create(context);
}

asio::awaitable<result<void>> service_host::start() {
    create_service();
    const auto started = co_await service_->start();
    if (!started) {
        co_return started;
    }
    index_routes();
    if (definition_.ships_logs && settings_.ship_logs) {
        shipper_ = std::make_unique<node::log_shipper>(worker_.loop.get_executor(), upstreams_);
        upstreams_.on_change([this] { shipper_->wake(); });
    }
    auto routes = self_of(*service_, definition_.name).routes;
    auto link = node::link_settings(
        worker_.environment,
        settings_.membership,
        settings_.upstream,
        settings_.name,
        std::move(routes)
    );
    node::registry_link::change_handler on_change = [this](const upstream::topology_news& news) {
        upstreams_.update(news);
    };
    link_ = std::make_unique<node::registry_link>(
        worker_.loop.get_executor(),
        std::move(link),
        std::move(on_change),
        [this] { upstreams_.registry_lost(); }
    );
    link_->start(worker_.tasks);
    // A worker that replaces another must be able to call other services from its first request on.
    co_await link_->first_list(node::first_list_limit);
    co_return result<void>{};
}

void service_host::index_routes() {
    const core::node_info self = self_of(*service_, definition_.name);
    own_routes_ = core::route_table{std::span{&self, 1}};
    for (const services::route& row : service_->routes()) {
        by_pattern_.emplace(std::string{row.method}.append(row.path), &row);
    }
}

service_host::found_route
service_host::find_route(std::string_view method, std::string_view uri) const {
    found_route out;
    auto found = by_pattern_.find(std::string{method}.append(uri));
    if (found == by_pattern_.end()) {
        auto match = own_routes_.find(method, uri);
        if (match.what != core::route_table::outcome::found) {
            return out;
        }
        found = by_pattern_.find(match.target->method + match.target->pattern);
        out.variables = std::move(match.variables);
    }
    out.row = found->second;
    return out;
}

void service_host::serve(int fd, net::accept_credit credit) {
    if (sessions_.size() >= sessions_max) {
        log::warning("more than {} connections: closing a new connection", sessions_max);
        const unique_fd refused{fd};
        return;
    }
    sessions_.spawn(run_session(fd, std::move(credit)));
}

asio::awaitable<void> service_host::run_session(int fd, net::accept_credit credit) {
    const net::open_mark open = credit.take_mark();
    auto socket = net::adopt_socket(worker_.loop.get_executor(), fd);
    net::detect_vanished_peer(socket, vanished_after);
    auto session = std::make_shared<packet_session>(*this, std::move(socket), worker_.dog);
    {
        const enlisted<packet_session*> listed{open_sessions_, session.get()};
        // The credit is returned in the next turn of the loop, when the first read was issued.
        auto executor = worker_.loop.get_executor();
        asio::post(executor, [held = std::make_shared<net::accept_credit>(std::move(credit))] {});
        co_await session->run();
    }
    note_end_of(*session);
}

// A foreign caller connects to another worker of this node only when it receives a list after it
// has closed its connection to this one.
void service_host::note_end_of(const packet_session& session) {
    if (is_draining_ && !session.is_msd() && !session.is_unproven()) {
        link_->report_callers_gone(!has_foreign_sessions());
    }
}

bool service_host::has_foreign_sessions() const {
    return std::any_of(open_sessions_.begin(), open_sessions_.end(), [](const auto* session) {
        return !session->is_msd() && !session->is_unproven();
    });
}

asio::awaitable<void> service_host::drain(deadline until) {
    const bool fast = until.left() < fast_stop;
    co_await link_->deregister(std::min(until.left() / 2, deregister_limit));
    is_draining_ = true;
    if (!has_foreign_sessions()) {
        link_->close();
    }
    for (packet_session* const session : open_sessions_) {
        session->start_draining();
    }
    bool finished = false;
    if (fast) {
        finished = co_await running_.drained(until.left());
    } else {
        finished = co_await sessions_.drained(std::min(until.left(), silence_limit));
        if (!finished) {
            for (packet_session* const session : open_sessions_) {
                session->close_if_idle();
            }
            finished = co_await sessions_.drained(until.left());
        }
    }
    if (!finished) {
        log::warning("the time to drain is over: {} requests get no reply", running_.size());
    }
    for (packet_session* const session : open_sessions_) {
        session->finish();
    }
    co_await sessions_.drained(last_look);
    // Not just close(): the packet of the last report_callers_gone() must still be sent.
    co_await link_->deregister_and_close(last_look);
    upstreams_.close();
    running_.terminate();
    sessions_.terminate();
    co_await running_.drained(last_look);
    co_await sessions_.drained(last_look);
    upstreams_.on_change({});
    shipper_.reset();
    co_await service_->stop();
}

void service_host::reopen() {
    service_->reopen();
}

node::worker_load service_host::load() const {
    return {sessions_.size(), requests};
}

std::string service_host::stats() const {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("connections").unsigned_integer(sessions_.size());
    out.key("requests").unsigned_integer(requests);
    out.key("in_flight").unsigned_integer(running_.size());
    out.key("streams").integer(streams);
    out.key("handler_failures").unsigned_integer(handler_failures_);
    out.key("input_bytes").unsigned_integer(worker_.input.used());
    out.key("input_ended").unsigned_integer(worker_.input.ended());
    out.key("other_protocols").unsigned_integer(other_protocols);
    out.key("unproven").unsigned_integer(unproven_.count());
    out.key("refused_unproven").unsigned_integer(refusals_.count());
    out.key("log_lines_dropped").unsigned_integer(shipper_ ? shipper_->dropped() : 0);
    if (service_) {
        service_->write_figures(out);
    }
    out.end_object();
    return text;
}

void service_host::update_metrics() {
    service_meters::figures now;
    now.in_flight = running_.size();
    now.streams = static_cast<std::uint64_t>(streams);
    now.handler_failures = handler_failures_;
    now.other_protocols = other_protocols;
    now.unproven_refused = refusals_.count();
    now.log_lines_dropped = shipper_ ? shipper_->dropped() : 0;
    meters_.update(now);
    upstreams_.note_states(clock::now());
}

services::reply service_host::handler_failed(
    const services::route& row,
    const std::string& request_id,
    std::string_view why
) {
    ++handler_failures_;
    log::error(
        "request {}: the handler of {} {} threw an exception: {}",
        request_id,
        row.method,
        row.path,
        why
    );
    std::string members;
    json::writer{members}.key("request_id").string(request_id);
    return services::failure(500, "internal error", std::move(members));
}

core::proof_target service_host::proof_target() const {
    const node::membership_settings& own = settings_.membership;
    const std::uint16_t port =
        own.advertise_port != 0 ? own.advertise_port : worker_.environment.port;
    return {false, {settings_.name, core::plain_host(own.advertise_host), port}};
}

void service_host::bound_unsent() {
    std::size_t total = 0;
    for (const packet_session* const session : open_sessions_) {
        total += session->unsent_bytes();
    }
    while (total > unsent_total_max) {
        packet_session* const most =
            *std::ranges::max_element(open_sessions_, {}, &packet_session::unsent_bytes);
        total -= most->unsent_bytes();
        most->close_unread();
    }
}

// Callers keep a connection to each worker, so they must know the number of workers.
void service_host::scaled() {
    for (packet_session* const session : open_sessions_) {
        session->send_workers();
    }
}

void service_host::announce_change(const wire::change& made) {
    for (packet_session* const session : open_sessions_) {
        session->send_change(made);
    }
}

int run_service(
    node::worker_environment environment,
    const service_settings& settings,
    policies_reader read_policies
) {
    const services::definition* const what = services::find(settings.name);
    if (what == nullptr) {
        log::error("there is no service named {}", settings.name);
        return 78;
    }
    node::worker surroundings{std::move(environment)};
    service_host instance{surroundings, settings, *what, std::move(read_policies)};
    return run(surroundings, instance);
}

} // namespace msd::host
