// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/registry.hpp"
#include "net/packet_connection.hpp"
#include "node/unproven_peers.hpp"
#include "node/worker.hpp"
#include "registry/host_rule.hpp"
#include "registry/log_limit.hpp"
#include "registry/settings.hpp"
#include "wire/packet.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::registry {

// The registry as a server: reads the packets of nodes, passes them to core::registry and sends the
// packets that core::registry returns. It handles the connections: slow readers, silent nodes,
// malformed input, and the handover when this worker is replaced (distributor_handover.cpp).
class distributor : public node::role {
public:
    // More connections than two for each possible node are an attack or a leak.
    static constexpr std::size_t connections_max = 2 * core::nodes_max;

    // Lines of the log about what peers do; further ones are counted.
    static constexpr double peer_warnings_per_s = 10;
    static constexpr double peer_warnings_burst = 100;
    static constexpr double node_events_per_s = 200;
    static constexpr double node_events_burst = 4000;

    distributor(node::worker& surroundings, const distributor_settings& settings);

    asio::awaitable<result<void>> start() override;
    void serve(int fd, net::accept_credit credit) override;
    asio::awaitable<void> drain(deadline until) override;
    [[nodiscard]] result<void> hand_over(const unique_fd& to, deadline until) override;
    [[nodiscard]] asio::awaitable<bool> take_over(unique_fd from) override;
    [[nodiscard]] node::worker_load load() const override;
    [[nodiscard]] std::string stats() const override;
    void update_metrics() override;

private:
    struct session;
    class presence;
    class inheritance;

    // What happens to a connection after a frame.
    enum class verdict : std::uint8_t {
        go_on,
        pause, // until it may cause changes again
        close, // after the queued bytes are sent
        drop,  // at once
    };

    asio::awaitable<void> converse(std::shared_ptr<session> with);
    asio::awaitable<void> await_changes(std::shared_ptr<session> paused);

    // What is sent, when, and how much: distributor_sending.cpp.
    asio::awaitable<void> await_room(std::shared_ptr<session> lagging);
    asio::awaitable<void> ping_nodes();
    void ping(session& node, const std::shared_ptr<const std::string>& packet);
    void send(session& to, core::registry::frame&& what);
    void note_queued(session& to, std::size_t bytes);
    void limit_unsent();
    void pump();
    void set_timer();
    void report_notices();
    [[nodiscard]] bool has_room(core::registry::peer_id id, std::size_t bytes);

    [[nodiscard]] verdict handle_frames(session& from);
    [[nodiscard]] verdict handle_frame(session& from, std::string_view frame);
    [[nodiscard]] verdict answer(session& from, const wire::packet& request);
    [[nodiscard]] bool reads_nothing(session& from) const;
    [[nodiscard]] verdict enroll(session& from, const wire::packet& request);
    [[nodiscard]] result<void> register_node(const session& from, const wire::packet& request);
    void deregister(session& from, const wire::packet& request);
    [[nodiscard]] verdict list_contradictions(session& from, const wire::packet& request);
    [[nodiscard]] verdict complain(session& about, std::string_view key, const std::string& text);
    [[nodiscard]] verdict refuse(session& from, std::string_view key, const std::string& text);
    [[nodiscard]] verdict note_bad_input(session& from, const std::string& text);
    [[nodiscard]] verdict
    reply(session& to, std::string_view key, const wire::reply_fields& fields);

    // The proof of the cluster secret: distributor_proof.cpp.
    [[nodiscard]] bool has_to_prove(const session& peer) const;
    void await_proof(session& from);
    [[nodiscard]] verdict handle_auth(session& from, const json::value& auth);
    [[nodiscard]] verdict refuse_unproven(session& from);
    [[nodiscard]] verdict deny(session& from, const std::string& text);
    [[nodiscard]] result<void> check_claim(const session& from, const core::registration& claim);
    void resume_proof(session& inherited, std::string_view state);

    [[nodiscard]] core::registry_settings registry_settings() const;
    [[nodiscard]] result<void> hand_over_all_to(int successor, deadline until);
    void inherit(inheritance& from);
    void add(std::shared_ptr<session> made);
    void forget(core::registry::peer_id id);

    // core/metrics.hpp
    struct meters {
        explicit meters(core::metrics& within);

        core::metric_cell nodes;
        core::metric_cell epoch;
        core::metric_cell revision;
        core::metric_cell routes;
        core::metric_cell accepted; // registrations
        core::metric_cell refused;  // the same
        core::followed_counter bad_frames;
        core::followed_counter other_protocols;
        core::followed_counter unproven_refused;
    };

    node::worker& worker_;
    meters meters_{worker_.metrics};
    distributor_settings settings_;
    core::registry registry_;
    host_rule hosts_;
    node::unproven_peers unproven_;
    node::refusal_log refusals_;
    std::unordered_map<core::registry::peer_id, std::shared_ptr<session>> sessions_;
    asio::steady_timer due_; // runs until the registry has something to do
    wire::packet packet_;    // reused: frames are handled one at a time
    std::unordered_map<std::string, std::size_t> connections_of_; // by the address of the peer
    log_limit peer_warnings_{peer_warnings_per_s, peer_warnings_burst};
    log_limit node_events_{node_events_per_s, node_events_burst};
    std::size_t queued_bytes_ = 0; // since limit_unsent() has looked
    bool pump_posted_ = false;
    std::uint64_t bad_frames_ = 0;
    std::uint64_t other_protocols_ = 0; // connections that began with something else than a packet
    bool is_ending_ = false;            // draining, or everything was handed over
};

} // namespace msd::registry
