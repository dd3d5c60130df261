// SPDX-License-Identifier: Apache-2.0
#include "admin/admin_worker.hpp"

#include "admin/readiness.hpp"
#include "admin/run_admin.hpp"
#include "base/enlisted.hpp"
#include "base/log.hpp"
#include "core/metrics_text.hpp"
#include "http/server_http1.hpp"
#include "net/connect.hpp"

#include <asio/post.hpp>

#include <memory>
#include <string>
#include <utility>

namespace msd::admin {

namespace {

constexpr milliseconds last_look{500};
constexpr std::size_t head_bytes_max = std::size_t{8} * 1024;
constexpr std::string_view plain_type = "text/plain; charset=utf-8";
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view json_type = "application/json";

http::server_connection_settings connection_settings(node::worker& surroundings) {
    http::server_connection_settings out;
    out.memory = &surroundings.input;
    out.limits.head_bytes_max = head_bytes_max;
    out.header_timeout = milliseconds{5000};
    out.body_timeout = milliseconds{5000};
    out.keepalive_timeout = milliseconds{75'000}; // longer than the interval of most scrapes
    out.stall_timeout = milliseconds{10'000};
    return out;
}

struct reply {
    int status = 200;
    std::string_view type = plain_type;
    std::string body;
    std::string_view lines = {}; // further header lines
};

void send(http::server_stream& to, const reply& what) {
    http::reply_head head;
    head.status = what.status;
    head.content_type = what.type;
    head.content_length = what.body.size();
    const std::string lines = "Cache-Control: no-store\r\n" + std::string{what.lines};
    head.lines = lines;
    to.send_head(head);
    to.send(what.body);
    to.finish();
}

} // namespace

admin_worker::admin_worker(node::worker& surroundings)
    : worker_{surroundings},
      settings_{connection_settings(surroundings)},
      sessions_{surroundings.loop.get_executor(), net::log_failures("connections")} {}

asio::awaitable<result<void>> admin_worker::start() {
    if (!worker_.board) {
        co_return fail(errc::unavailable, "the master gave no scoreboard, so there are no metrics");
    }
    co_return result<void>{};
}

void admin_worker::serve(int fd, net::accept_credit credit) {
    if (sessions_.size() >= connections_max) {
        log::debug("more than {} connections: a new one is closed", connections_max);
        const unique_fd refused{fd};
        return;
    }
    sessions_.spawn(run_connection(fd, std::move(credit)));
}

asio::awaitable<void> admin_worker::run_connection(int fd, net::accept_credit credit) {
    const net::open_mark open = credit.take_mark();
    auto socket = net::adopt_socket(worker_.loop.get_executor(), fd);
    http::server_connection connection{std::move(socket), worker_.dog, settings_};
    const enlisted<http::server_connection*> listed{connections_, &connection};
    // The credit is returned in the next turn of the loop, as in the gateway.
    auto executor = worker_.loop.get_executor();
    asio::post(executor, [held = std::make_shared<net::accept_credit>(std::move(credit))] {});
    http::stream_handler* const handler = this;
    co_await http::serve_http1(&connection, handler);
}

asio::awaitable<void> admin_worker::serve(http::server_stream* stream) {
    ++requests_;
    answer(*stream);
    co_return;
}

void admin_worker::answer(http::server_stream& to) const {
    const wire::http_request& head = to.request();
    const std::string_view path = head.path;
    const bool is_known = path == "/metrics" || path == "/healthz" || path == "/readyz";
    if (!is_known) {
        send(to, {404, plain_type, "there are /metrics, /healthz and /readyz\n"});
    } else if (head.method != "GET" && head.method != "HEAD") {
        send(to, {405, plain_type, "use GET\n", "Allow: GET, HEAD\r\n"});
    } else if (head.has_body()) {
        send(to, {413, plain_type, "send no body\n"});
    } else if (path == "/healthz") {
        send(to, {200, plain_type, "ok\n"});
    } else {
        const auto all = core::read_metrics(*worker_.board, clock::now());
        if (path == "/metrics") {
            send(to, {200, metrics_type, core::metrics_text(all)});
            return;
        }
        readiness now = readiness_of(all);
        send(to, {now.is_ready ? 200 : 503, json_type, std::move(now.body) + '\n'});
    }
}

void admin_worker::refuse_malformed(
    http::server_stream& stream,
    int status,
    std::string_view text
) {
    send(stream, {status, plain_type, std::string{text} + '\n'});
}

asio::awaitable<void> admin_worker::drain(deadline until) {
    draining_ = true;
    for (http::server_connection* const connection : connections_) {
        connection->shorten_idle(milliseconds{0}, milliseconds{0});
    }
    const bool finished = co_await sessions_.drained(std::min(until.left(), last_look));
    if (!finished) {
        sessions_.terminate();
        co_await sessions_.drained(last_look);
    }
}

node::worker_load admin_worker::load() const {
    return {sessions_.size(), requests_};
}

int run_admin(node::worker_environment environment) {
    node::worker surroundings{std::move(environment)};
    admin_worker instance{surroundings};
    return run(surroundings, instance);
}

} // namespace msd::admin
