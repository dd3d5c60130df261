// SPDX-License-Identifier: Apache-2.0
#include "integration/registry/distributor_harness.hpp"

#include "base/log.hpp"
#include "core/registration.hpp"
#include "net/descriptor_channel.hpp"
#include "registry/run_distributor.hpp"
#include "wire/packet.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <gtest/gtest.h>
#include <span>
#include <utility>

namespace msd::testing_roles {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

template <class Call>
int with_address(const sockaddr_in& address, Call call) {
    return call(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

} // namespace

unique_fd listen_on(std::uint16_t port) {
    unique_fd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int bound = with_address(loopback(port), [&](const sockaddr* at, socklen_t size) {
        return bind(fd.get(), at, size);
    });
    EXPECT_EQ(bound, 0);
    EXPECT_EQ(listen(fd.get(), SOMAXCONN), 0);
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
}

running_distributor::running_distributor(
    const registry::distributor_settings& settings,
    std::uint16_t port
) {
    run(settings, listen_on(port), {});
}

running_distributor::running_distributor(
    const registry::distributor_settings& settings,
    unique_fd listener,
    unique_fd handover
) {
    run(settings, std::move(listener), std::move(handover));
}

void running_distributor::run(
    const registry::distributor_settings& settings,
    unique_fd listener,
    unique_fd handover
) {
    log::settings quiet;
    quiet.threshold = log::level::off;
    log::configure(quiet);
    port_ = port_of(listener.get());
    std::array<int, 2> pair{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    control_.reset(pair[0]);
    node::worker_environment environment;
    environment.pool = "distributor";
    environment.listeners = {listener.release()};
    environment.port = port_;
    environment.host = "127.0.0.1";
    environment.control = pair[1];
    environment.handover = handover.release();
    thread_ = std::thread{[environment, settings] {
        EXPECT_EQ(registry::run_distributor(environment, settings), 0);
    }};
}

running_distributor::~running_distributor() {
    tell(core::worker_message::kind::stop);
    thread_.join();
}

void running_distributor::tell(core::worker_message::kind what, const unique_fd& attached) const {
    const int descriptor = attached.get();
    const std::span<const int> descriptors{&descriptor, attached ? std::size_t{1} : 0};
    const std::string text = core::encode({what, {}});
    // A distributor that has ended receives nothing.
    static_cast<void>(
        net::send_parcel(control_.get(), text, descriptors, deadline::in(raw_node::patience))
    );
}

std::optional<std::string> running_distributor::says(core::worker_message::kind what) const {
    const deadline until = deadline::in(raw_node::patience);
    while (const auto received = net::receive_parcel(control_.get(), until)) {
        const auto message = core::decode_worker_message(received->text);
        if (message && message->what == what) {
            return message->text;
        }
    }
    return std::nullopt;
}

raw_node::raw_node(std::uint16_t port, int receive_bytes)
    : fd_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (receive_bytes > 0) {
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    const int connected = with_address(loopback(port), [&](const sockaddr* at, socklen_t size) {
        return connect(fd_.get(), at, size);
    });
    EXPECT_EQ(connected, 0);
}

raw_node::raw_node(unique_fd accepted) : fd_{std::move(accepted)} {}

void raw_node::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return; // the peer closed: the test notices that when it reads
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool raw_node::receive(deadline until) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(until.left().count())) <= 0) {
        return false;
    }
    const auto room = reader_.prepare(64 * 1024);
    const ssize_t got = recv(fd_.get(), room.data(), room.size(), 0);
    if (got <= 0) {
        ended_ = true;
        return false;
    }
    bytes_received += static_cast<std::size_t>(got);
    reader_.commit(static_cast<std::size_t>(got));
    return true;
}

std::optional<std::string> raw_node::read(milliseconds limit) {
    const deadline until = deadline::in(limit);
    do {
        const auto [state, frame] = reader_.next();
        if (state == wire::frame_reader::status::complete) {
            return std::string{frame};
        }
    } while (receive(until));
    return std::nullopt;
}

bool raw_node::is_closed() {
    while (read()) {
    }
    return ended_;
}

bool raw_node::knows(std::size_t nodes) {
    while (known.nodes().size() != nodes) {
        const auto frame = read();
        wire::packet packet;
        if (!frame || !packet.parse(*frame) || !known.apply(packet)) {
            return false;
        }
    }
    return true;
}

std::string foreign_registration(std::string_view name, std::uint16_t port) {
    return R"({"uri":"/distributes","method":"POST","key":0,"params":{"port":)" +
           std::to_string(port) + R"(,"name":")" + std::string{name} + R"(","urls":["GET/)" +
           std::string{name} + "\"]}}\xC2\xB6";
}

core::node_info msd_node(std::string name) {
    core::node_info node;
    node.id = {std::move(name), "", 9010};
    node.proto = 2;
    node.routes = {{"GET", "/" + node.id.name, false, {}, {}}};
    return node;
}

std::optional<std::string> read_reply(raw_node& from, std::string_view key) {
    while (auto frame = from.read()) {
        wire::packet packet;
        if (packet.parse(*frame) && packet.kind() == wire::packet_kind::reply &&
            packet.key() == key) {
            return frame;
        }
    }
    return std::nullopt;
}

bool still_answers(raw_node& node) {
    node.send(ping);
    return read_reply(node, pong_key).has_value();
}

void register_as_msd(raw_node& node, const core::node_info& self, std::size_t nodes_after) {
    node.send(core::first_registration(self));
    while (!node.known.from_msd()) {
        const auto frame = node.read();
        wire::packet packet;
        ASSERT_TRUE(frame && packet.parse(*frame) && node.known.apply(packet));
    }
    node.send(core::second_registration(self, {}));
    while (node.known.epoch() == 0 || node.known.nodes().size() != nodes_after) {
        const auto frame = node.read();
        wire::packet packet;
        ASSERT_TRUE(frame && packet.parse(*frame) && node.known.apply(packet));
    }
}

} // namespace msd::testing_roles
