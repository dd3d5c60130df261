// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "core/recent_writes.hpp"
#include "core/replication_position.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace msd::core {

// What a database server said of itself.
struct server_report {
    bool read_only = false;   // takes no writes
    bool ready = true;        // false: a cluster's node apart from the majority, or joining
    bool in_cluster = false;  // any node takes writes, all have the same data
    bool replicating = false; // from another server, or cannot although it is told to
    // nullopt: it does not say; it cannot be compared with another then.
    std::optional<replication_position> position = replication_position{};
};

// Which of several database servers takes a call. Writes go to one, the primary, for as long as it
// takes them; when it does not, to another that does: a node of the same cluster, or a replica that
// was promoted, which is one that is writable and does not replicate any more. Reads go to the
// replicas in turn, as far as one has everything the primary had `lag_max` ago, and what was
// written since then is read from the primary. Nothing is believed of a server that was not seen.
//
// How far a replica is behind is told by positions: the primary's are kept with the moment before
// it was asked, and a replica is as old as the newest of them that it covers. So it is an upper
// bound, whatever the clocks, and a replica whose replication stands still is as good as any until
// the primary goes on.
//
// Knows no sockets and no clock: mysql::server_watch tells it what servers answer, the callers how
// calls fared.
class server_choice {
public:
    // Times between the newest and the oldest position of the primary that can still matter.
    static constexpr std::size_t positions_max = 64;

    struct settings {
        std::size_t servers = 1;    // numbered from 0, in the order of preference
        std::size_t replicas = 0;   // so many of them, at the end, are there to be read from
        milliseconds lag_max{2000}; // and how long own writes are read from the primary
    };

    explicit server_choice(settings chosen);

    /// Whether a server that says this takes writes. Forgetting read_only on a replica is easy, and
    /// writing to it would part it from the others.
    [[nodiscard]] static bool takes_writes(const server_report& said, bool is_replica) {
        return said.ready && !said.read_only && !(is_replica && said.replicating);
    }

    /// `server` answered a question asked at `asked`.
    void answered(std::size_t server, const server_report& report, time_point asked);
    /// It could not be reached or did not answer in time. What it was asked before `now` counts no
    /// more.
    void failed(std::size_t server, time_point now);
    /// A write reached it and it takes none: it was demoted, or is no part of its cluster any more.
    void refused_write(std::size_t server, time_point now);

    /// Where writes go, and reads that must see all of them.
    [[nodiscard]] std::optional<std::size_t> primary() const { return primary_; }

    /// Where to read `thing` (nullopt: all things, a list); nullopt: nowhere.
    [[nodiscard]] std::optional<std::size_t>
    reader(std::optional<std::uint64_t> thing, const recent_writes& writes, time_point now);

    /// Upper bound of how old a replica's data are; nullopt: not known.
    [[nodiscard]] std::optional<milliseconds> lag(std::size_t server, time_point now) const;
    /// It answered when it was last asked.
    [[nodiscard]] bool is_up(std::size_t server) const { return servers_[server].up; }
    /// Servers, no two of one cluster, that would all take writes; more than one is a fault.
    [[nodiscard]] std::size_t writable() const;

private:
    struct server_state {
        bool up = false;
        bool known = false;          // was asked, be it in vain
        bool refuses_writes = false; // until it is asked again
        server_report last;
        time_point heard_of{}; // what was asked before counts no more
    };

    struct passed {
        time_point at{};
        replication_position position;
    };

    [[nodiscard]] bool takes_writes(std::size_t server) const;
    [[nodiscard]] bool is_better(std::size_t other, std::size_t best) const;
    [[nodiscard]] bool is_replica(std::size_t server) const;
    [[nodiscard]] bool is_current(std::size_t server, time_point now) const;
    [[nodiscard]] const passed* newest_covered(std::size_t server) const;
    void choose_primary();

    settings settings_;
    std::vector<server_state> servers_;
    std::optional<std::size_t> primary_;
    // The one whose positions these are, in the order of time; kept when it is lost.
    std::optional<std::size_t> measured_;
    std::deque<passed> positions_;
    std::size_t last_reader_ = 0;
};

} // namespace msd::core
