// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/binary.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/node.hpp"
#include "core/registration.hpp"

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
#include <unordered_map>
#include <utility>
#include <vector>

namespace msd::core {

// The distributor's list of nodes in registration order, each with the number of connections that
// hold it, and the log of recent changes. A node whose last connection ended stays listed as
// critical for a while. An msd node that is about to register a second time, with more, is not
// announced to msd nodes before that, so that they receive it once and not twice. Nodes are stored
// as the JSON texts that are sent, because that is their only use. core/registry.hpp decides which
// change is sent to which node, and when.
//
// There are two kinds of changes: of the set of nodes (each makes a revision) and of whether a node
// is critical (makes none). The log contains both. A change of state is filed under the next
// revision, so that a node that reports the revision it knows receives the change again rather than
// not at all.
class node_list {
public:
    // The position of a node in the list; connections refer to their node by it.
    using place = std::uint64_t;
    // A position in the log, counted from the first change.
    using position = std::uint64_t;

    enum class event : std::uint8_t {
        joined,
        deregistered, // sent DELETE /distributes, or its connection registered another node instead
        lost,         // its last connection ended: critical
        returned,     // registered again while it was critical
        forgotten,    // was critical for too long and is removed
    };

    // Whether a registration is complete.
    enum class completeness : std::uint8_t {
        complete,
        partial, // a second one follows; a new node waits for it, at most `announce_within`
    };

    struct notice {
        event what;
        node_id id;
    };

    struct delta {
        std::string added; // entries joined by commas, in registration order
        std::string
            removed; // identities joined by commas; a node that is also added moves to the end
    };

    static constexpr std::size_t changes_kept_max = 4096;
    // The whole list must fit a packet that foreign nodes accept; with schemas it may be larger.
    static constexpr std::size_t foreign_bytes_max = 15u << 20;
    static constexpr std::size_t msd_bytes_max = 64u << 20;

    node_list(std::uint64_t epoch, milliseconds critical_for, milliseconds announce_within);

    /// A connection registers `node`, instead of the one it `held` before. Fails with
    /// errc::too_large or errc::refused and a text for the peer when a limit is reached; then
    /// nothing has changed.
    [[nodiscard]] result<place> enroll(
        const node_info& node,
        std::optional<place> held,
        time_point now,
        completeness how_much = completeness::complete
    );
    /// A connection deregistered its node.
    void withdraw(place held);
    /// Callers of a worker of that node have lost their connections. Counted as a foreign change
    /// when the node is listed and not critical.
    void note_lost_callers(const node_id& of);
    /// A connection ended without deregistering its node.
    void lose(place held, time_point now);
    /// Removes nodes that were critical for too long. Announces nodes whose second registration did
    /// not arrive in time.
    void expire(time_point now);
    /// When expire() has something to do; time_point::max() for never.
    [[nodiscard]] time_point next_expiry() const;

    [[nodiscard]] revision now() const { return {epoch_, rev_}; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
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
    /// The changes from position `since`, which the log must reach.
    [[nodiscard]] delta changes_since(position since, std::span<const std::string> interest) const;
    /// All entries for msd nodes, in pieces of at most `bytes_max` bytes. A piece has at least one
    /// entry; there is at least one piece, which may be empty.
    [[nodiscard]] std::vector<std::string>
    msd_entries(std::size_t bytes_max, std::span<const std::string> interest) const;
    /// All entries for foreign nodes: those that are not critical.
    [[nodiscard]] std::string foreign_entries() const;

    /// Everything except notices and settings, for a list that continues in another process.
    void write(binary_writer& out) const;
    /// Reads the output of write(). `holds`: the node of each connection that has one. Fails with
    /// errc::malformed when the bytes are not such a list or do not agree with `holds`.
    [[nodiscard]] static result<node_list> read(
        binary_reader& in,
        milliseconds critical_for,
        milliseconds announce_within,
        std::span<const place> holds
    );

    /// Events since the last call, for the log.
    [[nodiscard]] std::vector<notice> take_notices() { return std::exchange(notices_, {}); }

private:
    enum class standing : std::uint8_t { unannounced, present, critical };

    struct member {
        std::shared_ptr<const node_id> id; // shared with the log, which outlives the member
        std::string foreign_text;
        std::string msd_text; // empty: the same
        std::size_t holders = 0;
        standing state = standing::present;
        time_point until = time_point::max(); // when the state ends by itself; max(): never
        bool has_routes = false;

        [[nodiscard]] bool announced() const { return state != standing::unannounced; }
        [[nodiscard]] bool critical() const { return state == standing::critical; }
        [[nodiscard]] const std::string& entry_for_msd() const {
            return msd_text.empty() ? foreign_text : msd_text;
        }
    };

    struct change {
        std::uint64_t rev;
        std::shared_ptr<const node_id> id;
        bool removed; // from its place; it may be listed again at another one
    };

    struct texts {
        std::string foreign;
        std::string msd;
    };

    [[nodiscard]] result<void> check_room(const texts& entries, bool is_new) const;
    void insert(place where, const node_info& node, texts&& entries);
    void update(member& known, const node_info& node, texts&& entries);
    void announce(place where);
    [[nodiscard]] place take_back(place where);
    void put(place where, standing state, time_point until);
    void erase(place where, event why);
    void record_revision(const member& changed, bool removed);
    void record_state(const member& changed, bool moved);
    void record(change&& made);
    void count_bytes(const member& node, int sign);
    [[nodiscard]] bool read_members(binary_reader& in, std::span<const place> holds);
    [[nodiscard]] bool read_log(binary_reader& in);
    void report(event what, const member& node) { notices_.push_back({what, *node.id}); }

    std::uint64_t epoch_;
    milliseconds critical_for_;
    milliseconds announce_within_;
    std::uint64_t rev_ = 0;
    std::uint64_t foreign_changes_ = 0;
    place last_place_ = 0;
    std::map<place, member> nodes_;
    std::map<node_id, place> index_;
    std::set<std::pair<time_point, place>> expiries_; // when states end by themselves
    std::size_t foreign_bytes_ = 0;
    std::size_t msd_bytes_ = 0;
    std::deque<change> log_;
    position log_begin_ = 0;
    std::uint64_t forgotten_rev_ = 0; // the newest revision that the log has dropped
    std::vector<notice> notices_;
};

} // namespace msd::core
