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

/// What the server says of itself: whether it takes writes, is part of a cluster or replicates
/// another, and how far it has got. Needs no privilege; with REPLICA MONITOR it tells a replica
/// that lost its primary from one that was promoted.
[[nodiscard]] result<core::server_report> ask_report(connection& on);

// Asks one server again and again, on a thread and a connection of its own, so that a server that
// hangs delays nothing but itself, and a pool that is busy is not taken for a server that is gone.
class server_watch {
public:
    // A server that takes longer to answer is as good as gone.
    static constexpr milliseconds answer_within{1000};

    struct settings {
        server_address at;
        milliseconds every{500};
        // Called on the watching thread; null: it did not answer. `asked` is the moment before. Not
        // called when it has no connection to spare: then it is there, and what it said before
        // holds.
        std::function<void(const core::server_report* said, time_point asked)> tell;
    };

    explicit server_watch(settings chosen);
    /// Waits for the question that runs, at most about twice `answer_within`.
    ~server_watch();
    server_watch(const server_watch&) = delete;
    server_watch& operator=(const server_watch&) = delete;

    /// Asks now, because there is a reason to.
    void ask_now();

private:
    struct answer {
        std::optional<core::server_report> said;
        bool busy = false; // there, with no connection to spare
    };

    void watch();
    [[nodiscard]] answer ask();

    settings chosen_;
    std::optional<connection> on_; // the watching thread's

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    bool asked_for_ = false;
    std::thread thread_;
};

} // namespace msd::store::mysql
