// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_worker.hpp"

#include "base/enlisted.hpp"
#include "base/log.hpp"
#include "gateway/backend/balance_key.hpp"
#include "gateway/exchange.hpp"
#include "gateway/stale_reply.hpp"
#include "http/server_http1.hpp"
#include "net/blocking_lane.hpp"
#include "node/input_bounds.hpp"
#include "node/membership.hpp"

#include <asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::gateway {

namespace {

constexpr milliseconds fast_stop{2000}; // with less time left, idle connections close at once
// While draining: how long a new connection waits for its first byte, and a kept-alive connection
// for its next request.
constexpr milliseconds lame_duck_fresh{2000};
constexpr milliseconds lame_duck_served{5000};
constexpr milliseconds last_look{200};
// A client with fewer unsent bytes reads fast enough. After replies to such clients, the gateway
// adds up the unsent bytes only counts_per_round times in as many replies as it has connections.
constexpr std::size_t unsent_to_count = std::size_t{64} * 1024;
constexpr std::size_t counts_per_round = 4;
constexpr std::size_t reported_max = 1000;     // contested routes in the log of one worker
constexpr std::size_t claimants_named_max = 8; // in one line of the log
constexpr int reading_nice = 5;                // of the thread that reads a configuration file

core::rate_quota::limits log_limits(const gateway_settings& settings) {
    core::rate_quota::limits out;
    out.each_per_s = settings.log_bytes_per_s;
    return out;
}

http::server_connection_settings
connection_settings(node::worker& surroundings, const gateway_settings& settings) {
    http::server_connection_settings out;
    out.memory = &surroundings.input;
    out.limits.head_bytes_max = settings.header_bytes_max;
    out.header_timeout = settings.header_timeout;
    out.body_timeout = settings.body_timeout;
    out.keepalive_timeout = settings.keepalive_timeout;
    out.stall_timeout = settings.send_stall_timeout;
    return out;
}

} // namespace

gateway_worker::gateway_worker(
    node::worker& surroundings,
    const gateway_settings& settings,
    settings_reader read_again,
    limit_store_maker make_limit_store
)
    : worker_{surroundings},
      settings_{settings},
      read_again_{std::move(read_again)},
      make_limit_store_{std::move(make_limit_store)},
      connection_settings_{connection_settings(surroundings, settings)},
      upstreams_{
          node::upstream_surroundings_of(
              surroundings,
              settings.upstream,
              std::string{core::gateway_name}
          ),
          upstream::upstreams::connecting::eagerly},
      listed_programs_{settings.upstream.forget_absent},
      programs_{
          surroundings.loop.get_executor(),
          surroundings.dog,
          surroundings.cells,
          upstream::endpoint_group::zone_of(settings.upstream.zone)},
      checks_{surroundings.dog, surroundings.tasks, programs_},
      programs_guard_{
          surroundings.dog,
          [this] {
              expire_programs();
          }},
      routes_{upstreams_.routes(), listed_programs_.routes()},
      http_backend_{
          programs_,
          surroundings.faults,
          sticky_secret(settings.upstream.secrets, surroundings.cells.hashing_key())},
      link_{
          surroundings.loop.get_executor(),
          node::link_settings(
              surroundings.environment,
              settings.membership,
              settings.upstream,
              std::string{core::gateway_name},
              {}
          ),
          [this](const upstream::topology_news& news) { update(news); },
          [this] {
              upstreams_.registry_lost();
              listed_programs_.registry_lost();
          }},
      body_memory_{settings.bodies_bytes_max},
      log_quota_{log_limits(settings)},
      limits_{surroundings.board},
      meters_{surroundings.metrics},
      context_{
          settings_,
          routes_,
          upstreams_,
          http_backend_,
          body_memory_,
          log_quota_,
          limits_,
          kept_replies_,
          access_log_,
          meters_,
          surroundings.faults},
      sessions_{surroundings.loop.get_executor(), net::log_failures("connections")} {
    const std::size_t largest = settings.header_bytes_max + settings.body_bytes_max;
    node::bound_input(surroundings, settings.upstream.packets, largest);
    node::bound_replies(surroundings, settings.upstream);
}

gateway_worker::~gateway_worker() = default;

void gateway_worker::update(const upstream::topology_news& news) {
    context_.has_list = context_.has_list || news.is_complete;
    upstreams_.update(news);
    listed_programs_.update({news.changes, news.is_first, news.connected_since});
    programs_guard_.set(deadline{listed_programs_.due()});
    std::set<std::string> services;
    for (const core::node_change& change : news.changes) {
        if (change.after && change.after->info.is_http()) {
            services.insert(change.after->info.id.name);
        }
    }
    follow_programs(services);
    count_gateways(news);
    report_contested_routes();
}

// Can take long with many routes, and needs nothing of the worker.
result<gateway_worker::live_parts> gateway_worker::compile(gateway_settings settings) {
    auto compiled = core::configured_routes::compile(settings.routes);
    if (!compiled) {
        return tl::unexpected{std::move(compiled.error())};
    }
    return live_parts{std::move(settings), std::move(*compiled)};
}

// After an error nothing has changed.
result<void> gateway_worker::apply(live_parts fresh) {
    if (auto opened = access_log_.configure(fresh.settings.access_log); !opened) {
        return opened;
    }
    if (auto applied = programs_.apply(fresh.settings.programs); !applied) {
        return applied;
    }
    upstreams_.apply(upstream::policies_of(fresh.settings.programs));
    settings_ = std::move(fresh.settings);
    kept_replies_.set_wanted(keep_replies(settings_.routes));
    routes_.apply(std::move(fresh.compiled));
    return {};
}

// Logs each contested route once, in one worker of the pool.
void gateway_worker::report_contested_routes() {
    for (const auto& route : upstreams_.take_contested()) {
        if (worker_.environment.slot != 0 || reported_.size() >= reported_max) {
            return;
        }
        auto names = upstreams_.routes().also_claimed_by(*route);
        if (names.empty()) {
            continue; // the other service has left again
        }
        if (names.size() > claimants_named_max) {
            names.resize(claimants_named_max);
            names.emplace_back("others");
        }
        const auto others = fmt::format("{}", fmt::join(names, ", "));
        const auto what = fmt::format("{} {}", route->method, route->pattern);
        if (reported_.insert(fmt::format("{} {}", what, others)).second) {
            log::warning(
                "several services claim the route {}: {} gets all its requests, and {} none, "
                "because the alphabetically first name wins (see msd routes)",
                what,
                route->service,
                others
            );
        }
    }
}

asio::awaitable<result<void>> gateway_worker::start() {
    auto compiled = compile(settings_);
    if (!compiled) {
        co_return tl::unexpected{std::move(compiled.error())};
    }
    if (auto applied = apply(std::move(*compiled)); !applied) {
        co_return applied;
    }
    if (auto opened = open_limit_store(); !opened) {
        co_return opened;
    }
    checks_.start();
    link_.start(worker_.tasks);
    // A worker that replaces another has to know the routes before its first request.
    co_await link_.first_list(node::first_list_limit);
    co_return result<void>{};
}

void gateway_worker::serve(int fd, net::accept_credit credit) {
    if (sessions_.size() >= settings_.connections_max) {
        log::warning(
            "more than {} connections (gateway.connections_max): a new one is closed",
            settings_.connections_max
        );
        const unique_fd refused{fd};
        return;
    }
    sessions_.spawn(run_connection(fd, std::move(credit)));
}

asio::awaitable<void> gateway_worker::run_connection(int fd, net::accept_credit credit) {
    const net::open_mark open = credit.take_mark();
    auto socket = net::adopt_socket(worker_.loop.get_executor(), fd);
    http::server_connection connection{std::move(socket), worker_.dog, connection_settings_};
    const std::string& client = connection.peer().host;
    const bool is_proxy = settings_.trusted_proxies.contains(client);
    const auto counted = clients_.take(client, is_proxy ? 0 : settings_.connections_per_client_max);
    if (!counted) {
        clients_.report(clock::now());
        co_return;
    }
    const enlisted<http::server_connection*> listed{connections_, &connection};
    // The credit is returned in the next turn of the loop, when the first read has started: silent
    // clients must not stop the worker from accepting.
    auto executor = worker_.loop.get_executor();
    asio::post(executor, [held = std::make_shared<net::accept_credit>(std::move(credit))] {});
    http::stream_handler* const handler = this;
    co_await http::serve_http1(&connection, handler);
}

asio::awaitable<void> gateway_worker::serve(http::server_stream* stream) {
    return run_exchange(&context_, stream);
}

void gateway_worker::refuse_malformed(
    http::server_stream& stream,
    int status,
    std::string_view text
) {
    gateway::refuse_malformed(context_, stream, status, text);
}

asio::awaitable<void> gateway_worker::drain(deadline until) {
    draining_ = true;
    checks_.stop();
    const bool fast = until.left() < fast_stop;
    for (http::server_connection* const connection : connections_) {
        connection->shorten_idle(
            fast ? milliseconds{0} : lame_duck_fresh,
            fast ? milliseconds{0} : lame_duck_served
        );
    }
    co_await link_.deregister_and_close(std::min(until.left(), milliseconds{500}));
    const bool finished = co_await sessions_.drained(until.left());
    if (!finished) {
        log::warning("the time to drain is over: closing {} connections", sessions_.size());
        for (http::server_connection* const connection : connections_) {
            connection->close();
        }
    }
    upstreams_.close();
    programs_.close_idle();
    const bool ended = co_await sessions_.drained(last_look);
    if (!ended) {
        sessions_.terminate();
        co_await sessions_.drained(last_look);
    }
    co_await close_limit_store();
}

asio::awaitable<result<void>> gateway_worker::configure(unique_fd file) {
    net::blocking_lane::settings of_lane;
    of_lane.nice = reading_nice;
    net::blocking_lane lane{worker_.loop.get_executor(), of_lane};
    const auto from = std::make_shared<const unique_fd>(std::move(file));
    auto call = [read = read_again_, running = settings_, from]() -> result<live_parts> {
        auto settings = read(running, *from);
        return settings ? compile(std::move(*settings)) : tl::unexpected{settings.error()};
    };
    auto fresh = co_await lane.run(deadline::never(), std::move(call));
    if (!fresh) {
        co_return tl::unexpected{std::move(fresh.error())};
    }
    co_return apply(std::move(*fresh));
}

void gateway_worker::note_reply(std::size_t unsent) {
    if (log_quota_.has_refused()) {
        report_refused_logs();
    }
    if (unsent > unsent_to_count || ++replies_uncounted_ * counts_per_round > connections_.size()) {
        bound_unsent();
    }
}

void gateway_worker::bound_unsent() {
    replies_uncounted_ = 0;
    std::size_t total = 0;
    for (http::server_connection* const connection : connections_) {
        total += connection->out().unsent_bytes();
    }
    while (total > settings_.upstream.unsent_bytes_max) {
        const auto slowest = std::min_element(
            connections_.begin(),
            connections_.end(),
            [](http::server_connection* a, http::server_connection* b) {
                const auto rank = [](http::server_connection* c) {
                    return c->out().unsent_bytes() == 0 ? time_point::max()
                                                        : c->out().last_progress();
                };
                return rank(a) < rank(b);
            }
        );
        log::warning(
            "unsent replies exceed upstream.unsent_bytes_max: the slowest client, {}, is closed",
            (*slowest)->peer().text()
        );
        total -= (*slowest)->out().unsent_bytes();
        (*slowest)->close();
    }
}

int run_gateway(
    node::worker_environment environment,
    const gateway_settings& settings,
    settings_reader read_again,
    limit_store_maker make_limit_store
) {
    node::worker surroundings{std::move(environment)};
    gateway_worker instance{
        surroundings,
        settings,
        std::move(read_again),
        std::move(make_limit_store)};
    return run(surroundings, instance);
}

} // namespace msd::gateway
