// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/task_group.hpp"
#include "services/events/cloud_event.hpp"
#include "services/events/event_outage.hpp"
#include "services/service.hpp"
#include "store/event_log.hpp"
#include "store/handled_events.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace msd::services {

/// Identifies an event in the notes of a store (store/handled_events.hpp).
[[nodiscard]] std::string key_of(const store::event_fields& event);

// What became of the events of one batch.
struct event_outcome {
    std::vector<store::leased> done;
    std::vector<store::leased> failed; // events that the service cannot understand
    std::string problem;               // of the last of them, for people
};

// The events of one batch, read. `Change` is what an event means to the service.
template <class Change>
struct read_batch {
    store::event_batch<Change> changes;
    event_outcome outcome; // once the changes are handled

    /// `read(const event_fields&)` returns or_problem<Change>.
    template <class Read>
    static read_batch of(const store::pulled& from, Read read) {
        read_batch made;
        made.changes.generation = from.generation;
        made.changes.floor = from.floor;
        for (const store::delivery& each : from.events) {
            const store::leased held{each.event.position, each.lease};
            auto change = read(each.event.fields);
            if (change) {
                made.outcome.done.push_back(held);
                made.changes.events.push_back(
                    {each.event.position, key_of(each.event.fields), std::move(*change)}
                );
            } else {
                made.outcome.failed.push_back(held);
                made.outcome.problem = change.error().field + " " + change.error().text;
            }
        }
        return made;
    }
};

// Has a service handle the events of its topics: takes them from the service events, hands them to
// the service in batches, and reports what became of them. The workers of all nodes of the service
// are one consumer group. Every event arrives at least once; the service notes in its store what it
// has handled (store/handled_events.hpp), so its effect happens once. While the store fails,
// nothing is taken and no event becomes a dead letter for that.
class event_consumer {
public:
    static constexpr milliseconds look_every{500}; // while there are no events
    static constexpr milliseconds retry_after{1000};
    static constexpr milliseconds store_timeout{10'000};
    static constexpr milliseconds warn_every{60'000}; // of a batch of an earlier generation

    struct settings {
        std::string group;
        std::vector<std::string> topics;
        bool rebuilds = false; // pull_request in store/event_log.hpp
    };
    /// Handles a batch. An error: nothing was done, because the store failed, or errc::conflict.
    using handler =
        std::function<asio::awaitable<result<event_outcome>>(store::pulled, deadline until)>;

    event_consumer(const service_context& context, settings chosen);
    ~event_consumer();
    event_consumer(const event_consumer&) = delete;
    event_consumer& operator=(const event_consumer&) = delete;

    /// `handle` is called until stop() has returned.
    void start(handler handle);
    asio::awaitable<void> stop();

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    asio::awaitable<void> run();
    asio::awaitable<milliseconds> consume();
    asio::awaitable<result<store::pulled>> pull();
    asio::awaitable<result<void>> settle(store::settlement made);
    void warn_of_old_log(time_point now);

    service_context context_;
    settings chosen_;
    handler handle_;
    net::task_group tasks_;
    asio::steady_timer timer_;
    event_outage outage_;
    // Pulls of one event each that follow. The reply to the last larger one could not be read, or
    // did not arrive: so no event of a batch is lost because of another one.
    std::int64_t single_pulls_ = 0;
    time_point warn_again_ = time_point::min();
    std::uint64_t handled_ = 0;
    std::uint64_t failed_ = 0;
};

} // namespace msd::services
