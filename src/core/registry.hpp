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
    milliseconds gather_first{10};     // msd subscribers: changes after the first go together
    milliseconds gather_quiet{10};     // foreign subscribers: told after that much quiet …
    milliseconds gather_longest{100};  // … and never later than this
    milliseconds critical_for{10'000}; // a lost node is listed as critical that long
    // An msd node registers plainly, learns with whom it speaks, and registers again with all it
    // has to say. The others are told once, then; or after that long if it does not.
    milliseconds announce_within{500};
};

// The distributor's state machine: connections (peers), what they registered, who is told of a
// change and when. Two kinds of subscribers: foreign ones get the whole list, gathered; msd nodes
// get what changed since the revision they know, or a snapshot in parts. Each packet is made once,
// whatever the number of its receivers. Knows neither sockets nor clocks: its owner says what
// happened and when, calls advance() at due(), and sends what comes out, in that order.
class registry {
public:
    using peer_id = std::uint64_t;
    using frame = std::shared_ptr<const std::string>;
    /// Whether a subscriber can take more; after false its owner calls resume() once it can.
    using room_check = std::function<bool(peer_id)>;

    struct delivery {
        peer_id to; // may have disconnected meanwhile
        frame what;
    };

    /// `epoch` differs from that of every earlier registry at this address.
    registry(std::uint64_t epoch, registry_settings settings);

    /// A connection from `host`. It is sent the last list that was told to foreign subscribers. It
    /// changes nothing, but is a sign that more nodes are about to register: gathering goes on.
    [[nodiscard]] peer_id connect(std::string host, time_point now);
    /// POST /distributes. errc::too_large, errc::refused with a text for the peer: nothing changed.
    [[nodiscard]] result<void> enroll(peer_id from, const registration& said, time_point now);
    /// DELETE /distributes. An msd node is answered under `key` once the others have been told.
    /// `callers_of`, when it is said and nothing is registered on the connection any more: foreign
    /// nodes are sent the list again if that node is listed; an empty host is the peer's.
    void leave(
        peer_id from,
        std::string_view key,
        time_point now,
        std::optional<node_id> callers_of = {}
    );
    void disconnect(peer_id gone, time_point now);
    /// The peer, refused by a room_check, has taken all it was sent.
    void resume(peer_id lagging, time_point now);

    [[nodiscard]] bool speaks_msd(peer_id id) const { return peers_.at(id).is_msd; }
    [[nodiscard]] std::size_t peers() const { return peers_.size(); }
    [[nodiscard]] const node_list& nodes() const { return nodes_; }
    [[nodiscard]] std::vector<node_list::notice> take_notices() { return nodes_.take_notices(); }

    /// When advance() has something to do; time_point::max() for never.
    [[nodiscard]] time_point due() const;
    /// Does what is due and hands out what is to be sent.
    [[nodiscard]] std::vector<delivery> advance(time_point now, const room_check& has_room);

    /// All it knows, for a registry that goes on in another process: after an advance(), so that
    /// nothing is left to be sent. The list told last is not among it, see last_list().
    void write(binary_writer& out) const;
    /// What write() wrote. `last_list` becomes last_list(). errc::malformed: the bytes are
    /// something else.
    [[nodiscard]] static result<registry>
    read(binary_reader& in, registry_settings settings, frame last_list);
    /// What foreign subscribers were told last.
    [[nodiscard]] const frame& last_list() const { return last_list_; }
    [[nodiscard]] std::vector<peer_id> peer_ids() const;
    [[nodiscard]] bool is_lagging(peer_id id) const { return peers_.at(id).is_lagging; }

private:
    struct connection {
        std::string host;
        std::optional<node_list::place> holds;
        bool is_msd = false;     // told by changes, not by lists
        bool is_lagging = false; // gets nothing until resume()
        bool needs_snapshot = false;
        node_list::position knows = 0; // msd: up to there in the log
        std::uint64_t told_rev = 0;    // msd: the revision it was told last
        std::vector<std::string> interest;
    };

    // What a subscriber needs depends on nothing else, so those equal in it share their packets.
    struct need {
        bool snapshot = false;
        node_list::position since = 0;
        std::uint64_t told_rev = 0;
        std::vector<std::string> interest;

        auto operator<=>(const need&) const = default;
    };
    using told_frames = std::map<need, std::vector<frame>>;

    struct goodbye {
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
    void tell_changes(time_point now, const room_check& has_room);
    bool tell(peer_id id, told_frames& made, const room_check& has_room);
    [[nodiscard]] std::vector<frame> frames_for(const need& wanted) const;
    void tell_list(const room_check& has_room);
    void acknowledge();
    [[nodiscard]] bool is_known_to_all(const goodbye& said) const;
    void read_peers(binary_reader& in);
    void read_goodbyes(binary_reader& in);
    void read_progress(binary_reader& in);

    registry_settings settings_;
    node_list nodes_;
    peer_id last_peer_ = 0;
    std::map<peer_id, connection> peers_;
    std::set<peer_id> subscribers_; // msd nodes that said what they have
    std::vector<delivery> outbox_;
    std::vector<goodbye> goodbyes_;

    node_list::position noted_ = 0; // what note_changes has seen
    std::uint64_t noted_foreign_ = 0;
    node_list::position told_ = 0; // what subscribers have been told
    std::uint64_t told_foreign_ = 0;
    time_point last_told_ = time_point::min();
    std::optional<peer_id> newcomer_; // is told with the next advance(), whatever is gathered
    time_point last_greeted_ = time_point::min();
    time_point changes_due_ = time_point::max();
    time_point list_due_ = time_point::max();
    time_point list_first_; // when the first change of those being gathered came
    frame last_list_;
};

} // namespace msd::core
