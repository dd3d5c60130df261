// SPDX-License-Identifier: Apache-2.0
#include "net/connect.hpp"

#include "core/advertised_host.hpp"
#include "net/name_resolver.hpp"
#include "net/use_tuple.hpp"

#include <asio/steady_timer.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace msd::net {

namespace {

using asio::ip::tcp;

void prepare(tcp::socket& socket) {
    asio::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(tcp::no_delay{true}, ignored);
}

asio::ip::address plain(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    }
    return address;
}

asio::awaitable<result<std::vector<tcp::endpoint>>>
resolve(asio::any_io_executor executor, std::string host, std::uint16_t port, deadline until) {
    asio::error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    std::vector<tcp::endpoint> endpoints;
    if (!not_an_address) {
        endpoints.emplace_back(address, port);
        co_return endpoints;
    }
    const auto found = co_await name_resolver::of(executor).resolve(executor, host, until);
    if (!found && found.error().code == errc::timeout) {
        co_return fail(errc::timeout, "looking up " + host + " took too long");
    }
    if (!found) {
        co_return fail(errc::unavailable, "cannot resolve " + host + ": " + found.error().text);
    }
    for (const asio::ip::address& each : *found) {
        endpoints.emplace_back(each, port);
    }
    co_return endpoints;
}

} // namespace

std::string peer_address::text() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

peer_address address_of(const tcp::socket& socket) {
    asio::error_code gone;
    const auto endpoint = socket.remote_endpoint(gone);
    if (gone) {
        return {};
    }
    return {plain(endpoint.address()).to_string(), endpoint.port()};
}

bool is_peer_on_this_host(const tcp::socket& socket) {
    asio::error_code gone;
    const auto peer = plain(socket.remote_endpoint(gone).address());
    if (gone) {
        return false;
    }
    const auto own = plain(socket.local_endpoint(gone).address());
    return !gone && (peer.is_loopback() || peer == own);
}

tcp::socket adopt_socket(const asio::any_io_executor& executor, int fd) {
    tcp::socket socket{executor};
    asio::error_code ignored;
    // The protocol matters for opening a socket only; both families behave the same afterwards.
    socket.assign(tcp::v4(), fd, ignored);
    prepare(socket);
    return socket;
}

void detect_vanished_peer(tcp::socket& socket, milliseconds limit) {
    constexpr int probes = 3;
    const int probe_s = std::max(1, static_cast<int>(limit.count() / 1000 / probes));
    const auto set = [&socket](int level, int name, int value) {
        setsockopt(socket.native_handle(), level, name, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, probe_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, probe_s);
    set(IPPROTO_TCP, TCP_KEEPCNT, probes);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limit.count()));
}

asio::awaitable<result<tcp::socket>>
connect(asio::any_io_executor executor, std::string host, std::uint16_t port, deadline until) {
    auto endpoints = co_await resolve(executor, host, port, until);
    if (!endpoints) {
        co_return tl::unexpected{endpoints.error()};
    }
    std::string target = peer_address{host, port}.text();
    auto made = co_await connect_to_any(executor, std::move(*endpoints), std::move(target), until);
    co_return made;
}

asio::awaitable<result<tcp::socket>> connect_to_node(
    asio::any_io_executor executor,
    std::string host,
    std::uint16_t port,
    deadline until
) {
    if (const auto checked = core::check_advertised_host(host); !checked) {
        co_return fail(errc::denied, checked.error().text);
    }
    auto endpoints = co_await resolve(executor, host, port, until);
    if (!endpoints) {
        co_return tl::unexpected{endpoints.error()};
    }
    std::erase_if(*endpoints, [](const tcp::endpoint& endpoint) {
        return !core::check_advertised_host(endpoint.address().to_string());
    });
    if (endpoints->empty()) {
        co_return fail(errc::denied, host + " has no address that other hosts may be called at");
    }
    std::string target = peer_address{host, port}.text();
    auto made = co_await connect_to_any(executor, std::move(*endpoints), std::move(target), until);
    co_return made;
}

asio::awaitable<result<tcp::socket>> connect_to_any(
    asio::any_io_executor executor,
    std::vector<tcp::endpoint> endpoints,
    std::string target,
    deadline until
) {
    std::string reason = "no address";
    std::size_t left = endpoints.size();
    for (const auto& endpoint : endpoints) {
        // Each address gets its share of the time, so an address that does not answer leaves time
        // for the others.
        const time_point now = clock::now();
        const time_point limit = now + (until.at() - now) / left--;
        // Shared with the timer's handler, which may still be queued when this function returns.
        const auto socket = std::make_shared<tcp::socket>(executor);
        asio::steady_timer timer{executor, limit};
        timer.async_wait([socket](const asio::error_code& cancelled) {
            asio::error_code ignored;
            if (!cancelled) {
                socket->close(ignored);
            }
        });
        const auto [failure] = co_await socket->async_connect(endpoint, use_tuple);
        if (until.passed()) {
            co_return fail(errc::timeout, "connecting to " + target + " took too long");
        }
        if (!failure) {
            timer.cancel();
            prepare(*socket);
            co_return std::move(*socket);
        }
        reason = clock::now() < limit ? failure.message() : "no answer";
    }
    co_return fail(errc::unavailable, "cannot connect to " + target + ": " + reason);
}

} // namespace msd::net
