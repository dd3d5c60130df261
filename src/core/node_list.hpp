// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/binary.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "core/node_claims.hpp"
#include "core/registration.hpp"
#include "core/registry_room.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::core {

// The distributor's list of nodes in registration order, each with the connections that hold it
// (its holders) and their descriptions (core/node_claims.hpp), and the log of recent changes. A
// node whose last connection ended stays listed as critical for a while. An msd node that is about
// to register a second time, with more, is not announced to msd nodes before that, so that they
// receive it once and not twice. Nodes are stored as the JSON texts that are sent, because that is
// their only use. core/registry.hpp decides which change is sent to which node, and when.
//
// There are two kinds of changes: of the set of nodes (each makes a revision) and of whether a node
// is critical (makes none). The log contains both. A change of state is filed under the next
// revision, so that a node that reports the revision it knows receives the change again rather than
// not at all.
class node_list {
public:
    // The position of a node in the list.
    using place = std::uint64_t;
    // A position in the log, counted from the first change.
    using position = std::uint64_t;
    using holder_id = node_claims::holder_id;

    struct settings {
        milliseconds critical_for{10'000};
        milliseconds announce_within{500};
        room_limits limits;
    };

    // A connection that registers a node.
    struct holder {
        holder_id id;
        std::string_view address; // its quota is charged
        bool is_proven = false;   // the peer proved the cluster secret: it has no quota
    };

    enum class event : std::uint8_t {
        joined,
        deregistered, // sent DELETE /distributes, or its connection registered another node instead
        lost,         // its last connection ended: critical
        returned,     // registered again while it was critical
        forgotten,    // was critical for too long and is removed
        contradicted, // a connection describes it otherwise than the list does
    };

    // Whether a registration is complete.
    enum class completeness : std::uint8_t {
        complete,
        partial, // a second one follows; a new node waits for it, at most `announce_within`
    };

    struct notice {
        event what;
        node_id id;
        holder_id by = 0; // of a contradiction
    };

    struct delta {
        std::string added; // entries joined by commas, in registration order
        std::string
            removed; // identities joined by commas; a node that is also added moves to the end
    };

    // Some of the entries for msd nodes, from one place of the list on.
    struct part {
        std::string entries; // joined by commas
        place next = 0;      // where the next part begins; 0: this was the last one
        std::size_t examined = 0;
    };

    // A node that connections describe in different ways.
    struct contradiction {
        node_id id;
        std::size_t routes = 0; // of the listed description
        struct other {
            holder_id by;
            std::size_t routes;
        };
        std::vector<other> others;
    };

    static constexpr std::size_t changes_kept_max = 4096;

    node_list(std::uint64_t epoch, const settings& chosen);

    /// A connection registers `node`, in addition to its other connections. A node that the
    /// connection registered before is withdrawn. errc::too_large: the entry is; errc::refused: a
    /// limit of the registry; then nothing has changed. The texts are for the peer.
    [[nodiscard]] result<void> enroll(
        const holder& by,
        const node_info& node,
        time_point now,
        completeness how_much = completeness::complete
    );
    /// The node of a connection deregisters; after its last connection it is removed at once.
    void withdraw(holder_id of, time_point now);
    /// A connection has ended; after its last connection the node is critical.
    void lose(holder_id of, time_point now);
    /// The peer of a connection proved the cluster secret: its claim is stronger than others.
    void prove(holder_id of);
    [[nodiscard]] bool holds(holder_id id) const { return holdings_.contains(id); }
    /// A worker of the node ended its connections with foreign callers; see foreign_changes().
    void note_lost_callers(const node_id& of);
    /// Removes nodes that were critical for too long. Announces nodes whose second registration did
    /// not arrive in time. Does a part of it when there is much to do.
    void expire(time_point now);
    /// When expire() has something to do; time_point::max() for never.
    [[nodiscard]] time_point next_expiry() const;

    [[nodiscard]] revision now() const { return {epoch_, rev_}; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    /// Of listed nodes, and of those that left and keep their room.
    [[nodiscard]] std::size_t routes() const { return room_.used().routes; }
    [[nodiscard]] position log_end() const { return log_begin_ + log_.size(); }
    /// Counts the events after which foreign nodes are sent the list: changes of the list as they
    /// see it, and also a registration that begins or ends at a node that other connections keep
    /// listed. A foreign caller that lost its connection to the node connects again only when it
    /// receives a list.
    [[nodiscard]] std::uint64_t foreign_changes() const { return foreign_changes_; }

    /// The position of a node that knows revision `rev` of this epoch; nothing when the log does
    /// not reach back to it.
    [[nodiscard]] std::optional<position> position_of(std::uint64_t rev) const;
    [[nodiscard]] bool reaches(position since) const { return since >= log_begin_; }

    // An empty interest means all names; otherwise the names are sorted.
    /// The changes from position `since`, which the log must reach; nothing when they have more
    /// than `bytes_max` bytes.
    [[nodiscard]] std::optional<delta>
    changes_since(position since, std::span<const std::string> interest, std::size_t bytes_max)
        const;
    /// Entries for msd nodes from the place `from` on: at least one when there is one, as many as
    /// fit in `bytes_max` bytes. Examines at most `nodes_max` nodes of the list.
    [[nodiscard]] part msd_part(
        place from,
        std::span<const std::string> interest,
        std::size_t bytes_max,
        std::size_t examined_max
    ) const;
    /// The nodes that foreign nodes are sent: those that are not critical. The texts outlive
    /// changes of the list.
    [[nodiscard]] std::vector<node_claims::text> foreign_nodes() const;
    /// At most `count_max` nodes that connections describe in different ways, each with at most
    /// that many of the other descriptions.
    [[nodiscard]] std::vector<contradiction> contradictions(std::size_t count_max) const;

    /// Everything except notices and settings, for a list that continues in another process.
    void write(binary_writer& out) const;
    /// Reads the output of write(). `may_hold`: whether a connection exists. Fails with
    /// errc::malformed when the bytes are not such a list.
    [[nodiscard]] static result<node_list>
    read(binary_reader& in, const settings& chosen, const std::function<bool(holder_id)>& may_hold);

    /// Events since the last call, for the log.
    [[nodiscard]] std::vector<notice> take_notices() { return std::exchange(notices_, {}); }

private:
    enum class standing : std::uint8_t { unannounced, present, critical };

    struct member {
        std::shared_ptr<const node_id> id; // shared with the log, which outlives the member
        node_claims claims;
        node_claims::text listed; // of one of the claims
        std::size_t holders = 0;
        standing state = standing::present;
        time_point until = time_point::max(); // when the state ends by itself; max(): never
        time_point since;                     // when it was listed

        [[nodiscard]] bool announced() const { return state != standing::unannounced; }
        [[nodiscard]] bool critical() const { return state == standing::critical; }
    };

    struct holding {
        place where = 0;
        const node_description* what = nullptr; // of one of the claims of the node
        bool is_proven = false;
        bool has_contradicted = false; // and that was reported
    };

    struct change {
        std::uint64_t rev;
        std::shared_ptr<const node_id> id;
        bool removed; // from its place; it may be listed again at another one
    };

    [[nodiscard]] result<void>
    insert(const holder& by, const node_id& id, node_claims::text described, time_point now);
    [[nodiscard]] result<void>
    join(const holder& by, place where, node_claims::text described, time_point now);
    [[nodiscard]] result<void>
    describe_again(const holder& by, place where, node_claims::text described, time_point now);
    [[nodiscard]] registry_room::request
    request_of(const holder& by, const node_id& id, const node_description& added) const;
    [[nodiscard]] result<void>
    check_room(const holder& by, place where, std::size_t replaced, const node_claims::text& added)
        const;
    void add_holder(const holder& by, place where, std::size_t claim);
    [[nodiscard]] std::size_t
    add_claim(const holder& by, member& into, node_claims::text described, std::uint64_t since);
    void drop_unheld_claims(member& of, time_point now);
    [[nodiscard]] place remove_holder(holder_id id, time_point now);
    void leave_claim(member& from, place where, const holding& of, time_point now);
    [[nodiscard]] std::optional<place> leave_node(holder_id of, time_point now);
    void relist(place where);
    void note_contradiction(holder_id by);
    void charge(const member& node);
    void discharge(const member& node);
    void keep_room(const member& gone, time_point now);

    void announce(place where);
    [[nodiscard]] place take_back(place where);
    void put(place where, standing state, time_point until);
    void erase(place where, event why);
    void expire_claims(time_point now);
    void record_revision(const member& changed, bool removed);
    void record_state(const member& changed, bool moved);
    void record(change&& made);
    [[nodiscard]] bool read_members(binary_reader& in);
    [[nodiscard]] bool read_claims(binary_reader& in, place where, member& into);
    [[nodiscard]] bool
    read_holdings(binary_reader& in, const std::function<bool(holder_id)>& may_hold);
    [[nodiscard]] bool read_known(binary_reader& in);
    [[nodiscard]] bool read_log(binary_reader& in);
    void report(event what, const member& node, holder_id by = 0) {
        notices_.push_back({what, *node.id, by});
    }

    std::uint64_t epoch_;
    settings settings_;
    std::uint64_t rev_ = 0;
    std::uint64_t foreign_changes_ = 0;
    place last_place_ = 0;
    std::uint64_t last_claim_ = 0;
    std::map<place, member> nodes_;
    std::map<node_id, place> index_;
    std::map<holder_id, holding> holdings_;
    std::set<place> contested_; // nodes with a claim that contradicts the listed one
    std::set<std::pair<time_point, place>> expiries_;       // when states end by themselves
    std::set<std::pair<time_point, place>> claim_expiries_; // when claims without holders end
    registry_room room_;
    std::deque<change> log_;
    position log_begin_ = 0;
    std::uint64_t forgotten_rev_ = 0; // the newest revision that the log has dropped
    std::vector<notice> notices_;
};

} // namespace msd::core
