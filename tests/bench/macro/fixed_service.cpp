// SPDX-License-Identifier: Apache-2.0
// A service with one worker whose only route always sends the same members, to measure a reply
// without a store. Usage: `fixed_service DISTRIBUTOR_PORT MEMBERS`; SIGTERM ends it.
#include "host/service_host.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd {
namespace {

std::string members; // one reply for all

constexpr services::parameter id{
    .name = "id",
    .type = services::parameter_type::integer,
    .required = true,
    .minimum = 1,
    .about = "of no meaning"};
constexpr std::array parameters{id};

class fixed_service final : public services::service {
public:
    fixed_service() {
        services::handler answer = [](services::call) {
            return reply();
        };
        routes_.push_back({"GET", "/fixed/{id}", parameters, std::move(answer)});
    }

    [[nodiscard]] std::span<const services::route> routes() const override { return routes_; }
    asio::awaitable<result<void>> start() override { co_return result<void>{}; }
    asio::awaitable<void> stop() override { co_return; }

private:
    static asio::awaitable<services::reply> reply() { co_return services::success(members); }

    std::vector<services::route> routes_;
};

std::unique_ptr<services::service> create(const services::service_context& /*context*/) {
    return std::make_unique<fixed_service>();
}

int run(std::uint16_t distributor_port) {
    auto listening = process::listen_on("127.0.0.1", 0);
    if (!listening) {
        fmt::print(stderr, "fixed_service: {}\n", listening.error().text);
        return 1;
    }
    node::worker_environment environment;
    environment.pool = "fixed";
    for (unique_fd& socket : listening->sockets) {
        environment.listeners.push_back(socket.release());
    }
    environment.host = listening->host;
    environment.port = listening->port;
    host::service_settings settings;
    settings.name = "fixed";
    settings.membership.distributor_port = distributor_port;
    const services::definition what{
        .name = "fixed",
        .default_port = 0,
        .summary = "the same reply each time",
        .ships_logs = false,
        .create = create};
    fmt::print("READY fixed 127.0.0.1:{}\n", environment.port);
    std::fflush(stdout);
    node::worker surroundings{std::move(environment)};
    host::service_host instance{surroundings, settings, what};
    return node::run(surroundings, instance);
}

} // namespace
} // namespace msd

int main(int count, char** arguments) {
    if (count != 3) {
        fmt::print(stderr, "usage: fixed_service DISTRIBUTOR_PORT MEMBERS\n");
        return 2;
    }
    msd::members = arguments[2];
    return msd::run(static_cast<std::uint16_t>(std::atoi(arguments[1])));
}
