// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace msd::store {

// An event that a write has put into the outbox of its store, in its own transaction.
struct unsent_event {
    std::int64_t row = 0; // in the outbox
    std::string id;       // unique
    std::string type;     // topic
    std::string subject;
    std::int64_t time_ms = 0; // since 1970
    std::string data;         // JSON
};

// One step of the process that publishes the events of an outbox. Only one does so at a time: the
// one that has the turn.
struct outbox_step {
    std::string holder; // unique for each process that takes turns
    std::int64_t now_ms = 0;
    milliseconds turn{5000};        // from now on, for this holder
    std::vector<std::int64_t> sent; // rows that are published, at most `limit`
    std::int64_t limit = 0;         // of the next events
};

struct outbox_batch {
    bool has_turn = false; // false: another holder has it, and nothing was done
    std::vector<unsent_event> events;
};

// The events that a store still has to publish (services/events/event_relay.hpp). Errors: as
// goods_repository.
class outbox {
public:
    virtual ~outbox() = default;

    /// How many events wait, without looking at each: numbers that were given and not used count
    /// too.
    virtual asio::awaitable<result<std::int64_t>> waiting(deadline until) = 0;

    /// Removes the rows that are published and returns the next ones, in their order. Without any,
    /// the turn ends.
    virtual asio::awaitable<result<outbox_batch>> take(outbox_step step, deadline until) = 0;
};

} // namespace msd::store
