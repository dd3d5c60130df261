// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/registry.hpp"
#include "net/packet_connection.hpp"
#include "roles/settings.hpp"
#include "roles/worker.hpp"
#include "wire/packet.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::roles {

// The registry as a server: reads the packets of nodes, passes them to core::registry and sends the
// packets that core::registry returns. It handles the connections: slow readers, silent nodes,
// malformed input, and the handover when this worker is replaced (distributor_handover.cpp).
class distributor : public role {
public:
    // More connections than two for each possible node are an attack or a leak.
    static constexpr std::size_t connections_max = 2 * core::nodes_max;

    distributor(worker& surroundings, const distributor_settings& settings);

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    [[nodiscard]] result<void> hand_over(const unique_fd& to, deadline until) override;
    [[nodiscard]] asio::awaitable<bool> take_over(unique_fd from) override;
    [[nodiscard]] worker_load load() const override;
    [[nodiscard]] std::string stats() const override;

private:
    struct session;
    class presence;
    class inheritance;

    // What happens to a connection after a frame.
    enum class verdict : std::uint8_t {
        go_on,
        close, // after the queued bytes are sent
        drop,  // at once
    };

    asio::awaitable<void> converse(std::shared_ptr<session> with);
    asio::awaitable<void> await_room(std::shared_ptr<session> lagging);
    asio::awaitable<void> ping_nodes();

    [[nodiscard]] verdict handle_frames(session& from);
    [[nodiscard]] verdict handle_frame(session& from, std::string_view frame);
    [[nodiscard]] verdict answer(session& from, const wire::packet& request);
    [[nodiscard]] bool reads_nothing(session& from) const;
    [[nodiscard]] verdict enroll(session& from, const wire::packet& request);
    [[nodiscard]] verdict complain(session& about, std::string_view key, const std::string& text);
    [[nodiscard]] verdict refuse(session& from, std::string_view key, const std::string& text);
    [[nodiscard]] verdict note_bad_input(session& from, const std::string& text);
    [[nodiscard]] verdict
    reply(session& to, std::string_view key, const wire::reply_fields& fields);

    [[nodiscard]] core::registry_settings registry_settings() const;
    [[nodiscard]] result<void> hand_over_all_to(int successor, deadline until);
    void inherit(inheritance& from);
    void forget(core::registry::peer_id id);
    void pump();
    void report_notices();
    [[nodiscard]] bool has_room(core::registry::peer_id id);

    worker& worker_;
    distributor_settings settings_;
    core::registry registry_;
    std::unordered_map<core::registry::peer_id, std::shared_ptr<session>> sessions_;
    asio::steady_timer due_; // runs until the registry has something to do
    wire::packet packet_;    // reused: frames are handled one at a time
    std::uint64_t bad_frames_ = 0;
    std::uint64_t other_protocols_ = 0; // connections that began with something else than a packet
    bool is_ending_ = false;            // draining, or everything was handed over
};

} // namespace msd::roles
