// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::gateway {

// How many connections each client has at one worker (gateway.connections_per_client_max). Like
// gateway.connections_max this is counted by each worker: a worker that is killed then leaves no
// count behind, and connections spread evenly over the workers of a pool.
class client_connections {
public:
    // One connection.
    class place {
    public:
        place() = default; // of a connection that is not counted
        place(client_connections& of, std::string key);
        ~place();
        place(place&& from) noexcept;
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        place& operator=(place&&) = delete;

    private:
        client_connections* of_ = nullptr;
        std::string key_;
    };

    // What was refused since the last report.
    struct refusals {
        std::uint64_t connections = 0;
        std::string last_from; // the client of the last one
    };

    /// Counts a connection of `address`; nothing when it has `most` already. With a `most` of 0 it
    /// is not counted. Places are destroyed before this.
    [[nodiscard]] std::optional<place> take(std::string_view address, std::size_t most);

    /// Of the refusals, a report at most every minute: nothing when there is none, or it is too
    /// early.
    [[nodiscard]] std::optional<refusals> take_report(time_point now);

    /// Logs a report when one is due.
    void report(time_point now);

    [[nodiscard]] std::size_t clients() const { return counts_.size(); }

private:
    // By address; of IPv6 the first 64 bits. As many entries as there are connections, at most.
    std::unordered_map<std::string, std::size_t> counts_;
    refusals refused_;
    time_point report_next_ = time_point::min();
};

} // namespace msd::gateway
