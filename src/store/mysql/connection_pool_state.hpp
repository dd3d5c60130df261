// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/mysql/connection_pool.hpp"
#include "store/outage_log.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace msd::store::mysql {

// The state that the threads of a pool share: the unused connections, the number of connections,
// and whether the server is down. Also has the keeper, the thread that probes a server that is down
// and closes unused connections. Public functions may be called from any thread.
struct connection_pool::state : std::enable_shared_from_this<state> {
    explicit state(settings with);

    void start_keeper();
    void stop_keeper();

    /// Lends an unused or a new connection. Waits while the server is full or was not probed yet.
    [[nodiscard]] result<connection> lend(deadline until);
    /// Null: the connection was closed.
    void take_back(std::optional<connection> lent);
    /// Pings all unused connections before their next use, because one of them was found lost.
    void distrust_unused();
    /// Calls fail from now on until a probe succeeds.
    void suspect(failure why);
    /// Calls wait until the server was probed and prepared again.
    void prepare_again();
    [[nodiscard]] std::optional<error> refusal();
    [[nodiscard]] bool answered_since(time_point then) const;
    /// Waits until the first probe was made.
    [[nodiscard]] result<void> wait_first_probe(deadline until);

    const settings chosen;

    mutable std::mutex mutex;
    enum class condition : std::uint8_t { unknown, up, down } server = condition::unknown;
    int open = 0; // number of connections, lent or not

private:
    struct unused_connection {
        connection opened;
        time_point since;
    };
    using lock = std::unique_lock<std::mutex>;

    [[nodiscard]] std::optional<connection> take_unused(lock& held);
    [[nodiscard]] result<connection> open_one(lock& held);
    void wait_freed(lock& held, time_point until);
    [[nodiscard]] error down_error() const;
    void doubt_unused();

    // Run on the keeper's thread.
    void keep();
    [[nodiscard]] bool close_surplus(lock& held);
    void probe(lock& held);
    void upkeep(lock& held);
    void probed(lock& held, connection opened);
    void probe_failed(lock& held, failure what, error why, bool by_schema);
    void update_outage_log(std::optional<error> failed);

    std::condition_variable freed_;         // a connection is free, or the server's state changed
    std::condition_variable wanted_;        // wakes the keeper
    std::vector<unused_connection> unused_; // most recently used last
    int limit_;
    time_point last_answer_;                      // when a working connection was returned last
    std::size_t kept_ = 1;                        // unused connections that stay open
    milliseconds others_for_ = idle_closed_after; // how long further ones stay open
    time_point full_until_ = time_point::min();
    bool opening_when_full_ = false;
    error last_; // why the server is down
    std::optional<error> first_failure_;
    bool first_probe_made_ = false;
    time_point next_probe_ = time_point::min();
    int schema_failures_ = 0;
    time_point next_upkeep_;
    bool used_ = false; // a call was made since the last upkeep
    bool stopping_ = false;
    std::thread keeper_;
    outage_log outage_; // used by the loop's thread only
};

} // namespace msd::store::mysql
