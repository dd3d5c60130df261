// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/binary.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node_list.hpp"
#include "core/paced_queue.hpp"
#include "core/registration.hpp"
#include "core/topology_frames.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::core {

struct registry_settings {
    milliseconds gather_first{10};     // msd subscribers: changes within it go in one packet
    milliseconds gather_quiet{10};     // foreign subscribers: the list is sent after this quiet,
    milliseconds gather_longest{100};  // or this long after the first event
    milliseconds critical_for{10'000}; // how long a lost node is listed as critical
    // An msd node registers, learns that the distributor is an msd distributor, and registers again
    // with its routes. It is announced to msd nodes then, or after this time at the latest.
    milliseconds announce_within{500};
    // A longer list is sent only to connections that have sent a packet. A list of 1,000 nodes with
    // ten routes each has half of it.
    std::size_t list_at_accept_bytes_max = 1u << 20;
    room_limits limits;
};

// The distributor's state machine: connections (peers), their registrations, and which change is
// sent to which peer, and when. There are two kinds of subscribers. Foreign ones get the whole list
// after events were gathered. msd nodes get the changes since the revision they know, or a snapshot
// in parts. Each packet is made once for all its receivers. What is large, or sent to many, is made
// and sent in several calls of advance(), so that no call takes long: registry_sending.cpp. Knows
// no sockets; time is an argument: the owner reports events, calls advance() at due(), and sends
// what advance() returns, in that order.
class registry {
public:
    using peer_id = std::uint64_t;
    using frame = std::shared_ptr<const std::string>;
    /// Whether that many bytes more can be sent to a subscriber; after false the owner calls
    /// resume() once everything was received.
    using room_check = std::function<bool(peer_id, std::size_t bytes)>;

    struct delivery {
        peer_id to; // may have disconnected since
        frame what;
    };

    /// `epoch` is different from that of every earlier registry at this address.
    registry(std::uint64_t epoch, registry_settings settings);

    /// A connection from `host`. It is sent the last list that was sent to foreign subscribers,
    /// unless that is long: see note_packet(). The connection changes nothing, but it suggests that
    /// more registrations follow, so it prolongs gathering.
    [[nodiscard]] peer_id connect(std::string host, time_point now);
    /// The peer has sent a packet: it is sent the list, if it was not sent at accept.
    void note_packet(peer_id from);
    /// The same for a peer that has to prove the cluster secret first: until prove() or
    /// admit() it is sent nothing.
    [[nodiscard]] peer_id connect_unproven(std::string host);
    /// The peer proved that it has the cluster secret. Its descriptions are stronger than those of
    /// peers that did not, and it has no quota.
    void prove(peer_id id);
    /// Sends the peer the last list, and from now on every list unless it is an msd node.
    void admit(peer_id id);
    /// Sends the peer, which registers nothing, what an msd node is sent: a snapshot and changes.
    void follow(peer_id id, time_point now);
    /// POST /distributes. Fails with errc::too_large or errc::refused and a text for the peer; then
    /// nothing has changed.
    [[nodiscard]] result<void> enroll(peer_id peer, const registration& registered, time_point now);
    /// DELETE /distributes. An msd node gets a reply with `key` once the change was sent to the
    /// other nodes. `callers_of`: when no node is registered on the connection any more and that
    /// node is listed, foreign nodes receive the list again; an empty host means the peer's host.
    void deregister(
        peer_id from,
        std::string_view key,
        time_point now,
        std::optional<node_id> callers_of = {}
    );
    void disconnect(peer_id gone, time_point now);
    /// The peer, for which a room_check returned false, has received everything that was sent.
    void resume(peer_id lagging, time_point now);

    [[nodiscard]] bool is_msd(peer_id id) const { return peers_.at(id).is_msd; }
    [[nodiscard]] bool is_proven(peer_id id) const { return peers_.at(id).is_proven; }
    /// False until prove() or admit(), for a peer of connect_unproven().
    [[nodiscard]] bool is_admitted(peer_id id) const { return peers_.at(id).is_admitted; }
    [[nodiscard]] std::size_t peers() const { return peers_.size(); }
    [[nodiscard]] const node_list& nodes() const { return nodes_; }
    [[nodiscard]] std::vector<node_list::notice> take_notices() { return nodes_.take_notices(); }

    /// When advance() has something to do; time_point::max() for never.
    [[nodiscard]] time_point due() const;
    /// Does what is due, or a part of it when that is much, and returns what is to be sent.
    [[nodiscard]] std::vector<delivery> advance(time_point now, const room_check& has_room);

    /// Writes the complete state for a registry that continues in another process. Call advance()
    /// before, so that no packet is left to be sent. last_list() is not included.
    void write(binary_writer& out) const;
    /// Reads the output of write(). `last_list` becomes last_list(). Fails with errc::malformed
    /// when the bytes are not such a state.
    [[nodiscard]] static result<registry>
    read(binary_reader& in, registry_settings settings, frame last_list);
    /// The list that was sent to foreign subscribers last.
    [[nodiscard]] const frame& last_list() const { return last_list_; }
    [[nodiscard]] std::vector<peer_id> peer_ids() const;
    [[nodiscard]] bool is_lagging(peer_id id) const { return peers_.at(id).is_lagging; }

private:
    // A snapshot that is being sent. It describes the revision at its begin; what has changed
    // meanwhile is sent as changes.
    struct snapshot_progress {
        node_list::place next = 0; // 0: no snapshot is being sent
        std::size_t index = 0;
        std::uint64_t rev = 0;
        node_list::position knows = 0;
    };

    struct connection {
        std::string host;
        bool is_admitted = true; // may be sent lists
        bool is_msd = false;     // is sent changes, not lists
        bool is_lagging = false; // is sent nothing until resume()
        bool is_proven = false;  // has proved the cluster secret
        bool was_sent_list = false;
        bool has_sent = false; // a packet
        bool needs_snapshot = false;
        node_list::position knows = 0; // msd: the position in the log up to which it is informed
        std::uint64_t sent_rev = 0;    // msd: the revision of the last packet
        snapshot_progress snapshot;
        std::vector<std::string> interest;
    };

    // The packets of changes for a subscriber depend only on this: subscribers with equal needs
    // share packets.
    struct need {
        node_list::position since = 0;
        std::uint64_t sent_rev = 0;
        std::vector<std::string> interest;

        auto operator<=>(const need&) const = default;
    };
    struct part_need {
        node_list::place from = 0;
        std::size_t index = 0;
        std::uint64_t rev = 0;
        std::vector<std::string> interest;

        auto operator<=>(const part_need&) const = default;
    };
    struct made_change {
        frame what;                // null: nothing is to be sent
        bool is_too_large = false; // a snapshot is sent instead
    };
    struct made_part {
        std::weak_ptr<const std::string> what; // as long as a connection has not sent it
        node_list::place next = 0;
    };

    // A list that is being made.
    struct list_making {
        std::vector<node_claims::text> nodes;
        std::size_t next = 0;
        std::string frame;
        std::uint64_t foreign_change = 0;
    };

    struct pending_deregistration {
        peer_id from;
        std::string key;
        node_list::position at;
        std::uint64_t foreign_change;
    };

    void subscribe(peer_id id, const revision& have, const std::vector<std::string>& interest);
    [[nodiscard]] bool takes_interest(const connection& of, const registration& wanted) const;
    void set_interest(connection& of, const std::vector<std::string>& interest);
    void note_changes(time_point now);
    void plan_changes(time_point now);
    void prolong_gathering(time_point now);
    void greet(peer_id id, time_point now);
    void queue_changes();
    void send_changes(time_point now, const room_check& has_room);
    [[nodiscard]] bool is_up_to_date(const connection& subscriber) const;
    bool send_to(peer_id id, const room_check& has_room);
    [[nodiscard]] bool send_changes_to(peer_id id, const room_check& has_room);
    void begin_snapshot(connection& subscriber);
    [[nodiscard]] bool send_snapshot_to(peer_id id, const room_check& has_room);
    [[nodiscard]] const made_change& changes_for(const need& wanted);
    [[nodiscard]] std::pair<frame, node_list::place> part_for(const part_need& wanted);
    void drop_outdated_packets();
    void spend(std::size_t work);
    [[nodiscard]] bool can_take(peer_id id, std::size_t bytes, const room_check& has_room);
    void queue(peer_id to, frame what);
    void begin_list();
    void make_list();
    void send_lists(time_point now, const room_check& has_room);
    [[nodiscard]] bool is_sent_lists(const connection& each) const;
    void acknowledge();
    [[nodiscard]] bool is_known_to_all(const pending_deregistration& waiting) const;
    [[nodiscard]] node_list::settings list_settings() const;
    void read_peers(binary_reader& in);
    void read_deregistrations(binary_reader& in);
    void read_progress(binary_reader& in);

    registry_settings settings_;
    node_list nodes_;
    peer_id last_peer_ = 0;
    std::map<peer_id, connection> peers_;
    std::set<peer_id> subscribers_; // msd nodes that sent the revision they know
    std::vector<delivery> outbox_;
    std::deque<pending_deregistration> pending_deregistrations_; // in the order of their changes
    std::size_t pending_key_bytes_ = 0;
    std::size_t interest_bytes_ = 0;

    node_list::position noted_ = 0; // up to where note_changes() has looked
    std::uint64_t noted_foreign_ = 0;
    node_list::position queued_ = 0; // up to where changes were queued for all subscribers
    node_list::position sent_ = 0;   // up to where changes were sent to all subscribers
    std::uint64_t list_change_ = 0;  // what last_list_ includes
    std::uint64_t sent_foreign_ = 0;
    std::optional<peer_id> new_subscriber_; // is informed by the next advance(), without gathering
    time_point last_greeted_ = time_point::min();
    time_point last_sent_ = time_point::min();
    time_point changes_due_ = time_point::max();
    time_point list_due_ = time_point::max();
    time_point list_first_; // when the first of the events that are being gathered happened
    time_point lists_resume_ = time_point::min(); // after a list that was large for all receivers
    milliseconds changes_pause_{0};               // the same after changes
    std::size_t sent_bytes_ = 0;                  // of the changes or lists that are being sent
    std::size_t list_bytes_ = 0;
    std::size_t work_left_ = 0; // of this call of advance()

    paced_queue changes_queue_; // msd nodes that have to be sent something
    paced_queue list_queue_;    // other connections that have to be sent the list
    std::unique_ptr<list_making> making_;
    frame last_list_;
    node_list::position made_at_ = 0; // the position for which the packets below were made
    std::map<need, made_change> made_changes_;
    std::map<part_need, made_part> made_parts_;
};

} // namespace msd::core
