// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/node.hpp"
#include "core/topology.hpp"
#include "core/worker_message.hpp"
#include "registry/settings.hpp"
#include "wire/frame_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

// A distributor as the master runs it, but on a thread of the test; and nodes as plain sockets that
// send the bytes of a test and read with a deadline.
namespace msd::testing_roles {

/// Listens on 127.0.0.1; `port` 0 is any.
[[nodiscard]] unique_fd listen_on(std::uint16_t port);
[[nodiscard]] std::uint16_t port_of(int fd);

class running_distributor {
public:
    explicit running_distributor(
        const registry::distributor_settings& settings = {},
        std::uint16_t port = 0
    );
    /// Listens at `listener`. With a `handover` it waits for the state from that channel.
    running_distributor(
        const registry::distributor_settings& settings,
        unique_fd listener,
        unique_fd handover
    );
    ~running_distributor();
    running_distributor(const running_distributor&) = delete;
    running_distributor& operator=(const running_distributor&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

    // The functions of the distributor's master.
    void tell(core::worker_message::kind what, const unique_fd& attached = {}) const;
    /// Waits for a message of that kind and ignores others. Returns its text, or nullopt.
    [[nodiscard]] std::optional<std::string> says(core::worker_message::kind what) const;

private:
    void
    run(const registry::distributor_settings& settings, unique_fd listener, unique_fd handover);

    std::uint16_t port_ = 0;
    unique_fd control_;
    std::thread thread_;
};

class raw_node {
public:
    static constexpr milliseconds patience{10'000};

    /// `receive_bytes` 0: the kernel's choice of a receive buffer.
    explicit raw_node(std::uint16_t port, int receive_bytes = 0);
    /// Takes over an accepted connection.
    explicit raw_node(unique_fd accepted);

    void send(std::string_view bytes);
    /// The next frame without its terminator; nullopt when the peer closed or `limit` passed.
    [[nodiscard]] std::optional<std::string> read(milliseconds limit = patience);
    /// Reads and drops frames until the peer closes; false when that takes too long.
    [[nodiscard]] bool is_closed();
    /// Reads until the node's topology holds that many nodes.
    [[nodiscard]] bool knows(std::size_t nodes);
    void close() { fd_.reset(); }

    /// The topology from the frames that knows() has read.
    core::topology known;
    std::size_t bytes_received = 0;

private:
    [[nodiscard]] bool receive(deadline until);

    unique_fd fd_;
    wire::frame_reader reader_{16u << 20};
    bool ended_ = false;
};

/// A registration of a foreign node as a frame.
[[nodiscard]] std::string foreign_registration(std::string_view name, std::uint16_t port);

/// A frame that is answered under pong_key.
inline constexpr std::string_view ping =
    "{\"uri\":\"/ping\",\"method\":\"GET\",\"key\":\"p\"}\xC2\xB6";
inline constexpr std::string_view pong_key = "\"p\"";

/// An msd node with one route.
[[nodiscard]] core::node_info msd_node(std::string name);

/// Reads up to the reply with that key; nullopt when the connection ends before.
[[nodiscard]] std::optional<std::string> read_reply(raw_node& from, std::string_view key);
[[nodiscard]] bool still_answers(raw_node& node);

/// Both registrations of an msd node, until it knows `nodes_after` nodes.
void register_as_msd(raw_node& node, const core::node_info& self, std::size_t nodes_after);

} // namespace msd::testing_roles
