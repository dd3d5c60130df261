// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/server_choice.hpp"
#include "store/mysql/connection.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace msd::store::mysql {

/// Reads the server's role: whether it accepts writes, is a node of a cluster or replicates another
/// server, and its replication position. Needs no privilege; with REPLICA MONITOR it distinguishes
/// a replica that lost its primary from a promoted one.
[[nodiscard]] result<core::server_report> ask_report(connection& on);

// Queries one server periodically on a separate thread and connection. So a server that hangs
// delays nothing else, and a busy pool is not mistaken for a server that is down.
class server_watch {
public:
    // A server that takes longer to answer counts as down.
    static constexpr milliseconds answer_within{1000};

    struct settings {
        server_address at;
        milliseconds every{500};
        // Called on the watching thread; null: the server did not answer. `asked` is the time
        // before the query. Not called when the server is full: then it is up and its last answer
        // holds.
        std::function<void(const core::server_report* report, time_point asked)> on_report;
    };

    explicit server_watch(settings chosen);
    /// Waits for the running query, at most about twice `answer_within`.
    ~server_watch();
    server_watch(const server_watch&) = delete;
    server_watch& operator=(const server_watch&) = delete;

    /// Queries at once instead of at the next period.
    void ask_now();

private:
    struct answer {
        std::optional<core::server_report> report;
        bool busy = false; // up, without a free connection
    };

    void watch();
    [[nodiscard]] answer ask();

    settings chosen_;
    std::optional<connection> on_; // used by the watching thread only

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool asked_for_ = false;
    std::thread thread_;
};

} // namespace msd::store::mysql
