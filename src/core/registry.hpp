// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/binary.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node_list.hpp"
#include "core/registration.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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
};

// The distributor's state machine: connections (peers), their registrations, and which change is
// sent to which peer, and when. There are two kinds of subscribers. Foreign ones get the whole list
// after events were gathered. msd nodes get the changes since the revision they know, or a snapshot
// in parts. Each packet is made once for all its receivers. Knows no sockets; time is an argument:
// the owner reports events, calls advance() at due(), and sends what advance() returns, in that
// order.
class registry {
public:
    using peer_id = std::uint64_t;
    using frame = std::shared_ptr<const std::string>;
    /// Whether more can be sent to a subscriber; after false the owner calls resume() once it can.
    using room_check = std::function<bool(peer_id)>;

    struct delivery {
        peer_id to; // may have disconnected since
        frame what;
    };

    /// `epoch` is different from that of every earlier registry at this address.
    registry(std::uint64_t epoch, registry_settings settings);

    /// A connection from `host`. It is sent the last list that was sent to foreign subscribers. The
    /// connection changes nothing, but it suggests that more registrations follow, so it prolongs
    /// gathering.
    [[nodiscard]] peer_id connect(std::string host, time_point now);
    /// The same for a peer that has to prove the cluster secret first: until prove() or
    /// admit() it is sent nothing.
    [[nodiscard]] peer_id connect_unproven(std::string host);
    /// The peer holds the cluster secret.
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
    /// Does what is due and returns what is to be sent.
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
    struct connection {
        std::string host;
        std::optional<node_list::place> holds;
        bool is_admitted = true; // may be sent lists
        bool is_proven = false;  // holds the cluster secret
        bool is_msd = false;     // is sent changes, not lists
        bool is_lagging = false; // is sent nothing until resume()
        bool needs_snapshot = false;
        node_list::position knows = 0; // msd: the position in the log up to which it is informed
        std::uint64_t sent_rev = 0;    // msd: the revision of the last packet
        std::vector<std::string> interest;
    };

    // The packets for a subscriber depend only on this: subscribers with equal needs share packets.
    struct need {
        bool snapshot = false;
        node_list::position since = 0;
        std::uint64_t sent_rev = 0;
        std::vector<std::string> interest;

        auto operator<=>(const need&) const = default;
    };
    using shared_frames = std::map<need, std::vector<frame>>;

    struct pending_deregistration {
        peer_id from;
        std::string key;
        node_list::position at;
        std::uint64_t foreign_change;
    };

    void subscribe(peer_id id, const revision& have, const std::vector<std::string>& interest);
    void note_changes(time_point now);
    void plan_changes(time_point now);
    void prolong_gathering(time_point now);
    void greet(peer_id id, time_point now);
    void send_changes(time_point now, const room_check& has_room);
    bool send_to(peer_id id, shared_frames& made, const room_check& has_room);
    [[nodiscard]] std::vector<frame> frames_for(const need& wanted) const;
    void send_list(const room_check& has_room);
    void acknowledge();
    [[nodiscard]] bool is_known_to_all(const pending_deregistration& waiting) const;
    void read_peers(binary_reader& in);
    void read_deregistrations(binary_reader& in);
    void read_progress(binary_reader& in);

    registry_settings settings_;
    node_list nodes_;
    peer_id last_peer_ = 0;
    std::map<peer_id, connection> peers_;
    std::set<peer_id> subscribers_; // msd nodes that sent the revision they know
    std::vector<delivery> outbox_;
    std::vector<pending_deregistration> pending_deregistrations_;

    node_list::position noted_ = 0; // up to where note_changes() has looked
    std::uint64_t noted_foreign_ = 0;
    node_list::position sent_ = 0; // up to where changes were sent to subscribers
    std::uint64_t sent_foreign_ = 0;
    time_point last_sent_ = time_point::min();
    std::optional<peer_id> new_subscriber_; // is informed by the next advance(), without gathering
    time_point last_greeted_ = time_point::min();
    time_point changes_due_ = time_point::max();
    time_point list_due_ = time_point::max();
    time_point list_first_; // when the first of the events that are being gathered happened
    frame last_list_;
};

} // namespace msd::core
