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

// What a database server reports about itself.
struct server_report {
    bool read_only = false;   // refuses writes
    bool ready = true;        // false: a cluster node that is joining or without the majority
    bool in_cluster = false;  // any node accepts writes, all have the same data
    bool replicating = false; // replicates from another server, or is configured to and fails
    // nullopt: not reported; then the server cannot be compared with another one.
    std::optional<replication_position> position = replication_position{};
};

// Chooses the database server for a call. Writes go to one server, the primary, as long as it
// accepts them. Then they fail over to another server that does: a node of the same cluster, or a
// promoted replica, which is writable and no longer replicates. Reads go to the replicas in turn,
// to a replica that has all data of the primary `lag_max` ago; rows written since then are read
// from the primary. A server that has not answered yet is not used.
//
// The lag of a replica is measured by positions: the positions of the primary are kept with the
// time before each was queried, and a replica is as old as the newest position that it covers.
// This is an upper bound that does not depend on the clocks of the servers. A replica whose
// replication has stopped counts as current until the primary has moved on.
//
// Knows no sockets; time is an argument. mysql::server_watch reports what servers answer, callers
// report how calls ended.
class server_choice {
public:
    // The number of positions of the primary that are kept.
    static constexpr std::size_t positions_max = 64;

    struct settings {
        std::size_t servers = 1;    // numbered from 0, in the order of preference
        std::size_t replicas = 0;   // the last `replicas` of the servers are replicas
        milliseconds lag_max{2000}; // also how long own writes are read from the primary
    };

    explicit server_choice(settings chosen);

    /// Whether a server with this report accepts writes. A replica that replicates does not, even
    /// when it is not set to read_only: a write would make it diverge from the primary.
    [[nodiscard]] static bool takes_writes(const server_report& said, bool is_replica) {
        return said.ready && !said.read_only && !(is_replica && said.replicating);
    }

    /// `server` answered a query that was sent at `asked`.
    void answered(std::size_t server, const server_report& report, time_point asked);
    /// `server` could not be reached or did not answer in time. Answers to queries that were sent
    /// before `now` are ignored.
    void failed(std::size_t server, time_point now);
    /// `server` refused a write: it was demoted, or has left its cluster.
    void refused_write(std::size_t server, time_point now);

    /// Where writes go, and reads that must see all of them.
    [[nodiscard]] std::optional<std::size_t> primary() const { return primary_; }

    /// The server to read row `thing` from (nullopt: a list of rows); nullopt: no server can be
    /// used.
    [[nodiscard]] std::optional<std::size_t>
    reader(std::optional<std::uint64_t> thing, const recent_writes& writes, time_point now);

    /// Upper bound of the age of a replica's data; nullopt: unknown.
    [[nodiscard]] std::optional<milliseconds> lag(std::size_t server, time_point now) const;
    /// The server answered the last query.
    [[nodiscard]] bool is_up(std::size_t server) const { return servers_[server].up; }
    /// The number of servers that accept writes, where a cluster counts as one; more than one is a
    /// fault.
    [[nodiscard]] std::size_t writable() const;

private:
    struct server_state {
        bool up = false;
        bool known = false;          // was queried, with or without an answer
        bool refuses_writes = false; // until the next answer
        server_report last;
        time_point answered_at{}; // answers to queries sent before are ignored
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
    // The server whose positions these are, in the order of time; kept when it fails.
    std::optional<std::size_t> measured_;
    std::deque<passed> positions_;
    std::size_t last_reader_ = 0;
};

} // namespace msd::core
