// SPDX-License-Identifier: Apache-2.0
#include "upstream/program_checks.hpp"

#include "base/version.hpp"
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace msd::upstream {

namespace {

using core::resilience::check_result;
using core::resilience::check_settings;
using core::resilience::health;
using event = http::client_connection::event;

std::string in_time(std::string_view what, const check_settings& settings) {
    return std::string{what} + " in " + std::to_string(settings.timeout.count()) + " ms";
}

// nullopt: the reason is in this process, not in the endpoint.
std::optional<check_result> result_of_connecting(const error& why, const check_settings& settings) {
    if (why.code == errc::timeout) {
        return check_result{health::unhealthy, false, in_time("no connection", settings)};
    }
    if (why.code == errc::unavailable) {
        return check_result{health::unreachable, false, why.text};
    }
    return std::nullopt;
}

check_result result_of_reply(int status, const check_settings& settings) {
    if (settings.accepts(status)) {
        return {health::healthy, true, {}};
    }
    return {health::unhealthy, false, "status " + std::to_string(status)};
}

// One GET over a connection of its own.
asio::awaitable<check_result>
ask(http::client_connection* connection,
    const check_settings* settings,
    std::string host,
    deadline until) {
    connection->begin_request(false, false);
    connection->compose_now([settings, &host](std::string& out) {
        out.append("GET ").append(settings->path).append(" HTTP/1.1\r\nHost: ").append(host);
        out.append("\r\nUser-Agent: msd/").append(version());
        out.append(" (health check)\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    });
    connection->request_sent();
    std::optional<check_result> replied;
    std::size_t body_bytes = 0;
    for (;;) {
        const event what = connection->next();
        if (what == event::head) {
            replied = result_of_reply(connection->reply().status, *settings);
        } else if (what == event::body) {
            body_bytes += connection->piece().size();
        } else if (what == event::failed) {
            co_return check_result{health::unhealthy, false, std::string{connection->failure()}};
        } else if (what == event::more) {
            const auto arrived = co_await connection->receive(until);
            if (!arrived) {
                const auto late = in_time(replied ? "no whole reply" : "no reply", *settings);
                co_return check_result{health::unhealthy, false, late};
            }
        }
        if (what == event::complete || body_bytes > program_checks::body_bytes_max) {
            co_return *replied;
        }
    }
}

asio::awaitable<std::optional<check_result>>
check_program(program_endpoint* endpoint, const check_settings* settings) {
    const deadline until = deadline::in(settings->timeout);
    auto connected = co_await endpoint->connect(until);
    if (!connected) {
        co_return result_of_connecting(connected.error(), *settings);
    }
    if (settings->path.empty()) {
        co_return check_result{health::healthy, false, {}};
    }
    std::string host = settings->host.empty() ? endpoint->text() : settings->host;
    auto made = co_await ask(connected->get(), settings, std::move(host), until);
    co_return std::optional{std::move(made)};
}

} // namespace

program_checks::program_checks(net::watchdog& dog, net::task_group& tasks, programs& of)
    : tasks_{tasks},
      programs_{of},
      guard_{dog, [this] {
                 look();
             }} {}

void program_checks::stop() {
    is_stopped_ = true;
    guard_.clear();
}

// Begins the checks that are due and that no other worker makes.
void program_checks::look() {
    const time_point now = clock::now();
    time_point next = now + look_every;
    for (const auto& [name, cluster] : programs_.all()) {
        endpoint_group& group = cluster->group();
        for (std::size_t index = 0; index < group.size(); ++index) {
            const time_point due = group.check_due(index, now);
            if (due > now) {
                next = std::min(next, due);
                continue;
            }
            if (running_ >= running_max) {
                is_full_ = true;
                return; // the end of a check looks again
            }
            if (group.take_check(index, now)) {
                ++running_;
                tasks_.spawn(check(cluster, index));
            }
        }
    }
    guard_.set(deadline{next});
}

asio::awaitable<void>
program_checks::check(std::shared_ptr<program_cluster> of, std::size_t index) {
    const time_point began = clock::now();
    const auto endpoint = of->all()[index];
    const auto made = co_await check_program(endpoint.get(), &of->settings().policies.check);
    if (made) {
        of->group().note_check(index, *made, began, clock::now());
    }
    --running_;
    if (std::exchange(is_full_, false) && !is_stopped_) {
        guard_.set(deadline{clock::now()});
    }
}

} // namespace msd::upstream
