// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace msd::store {

// An event in the sense of CloudEvents 1.0; services/events/cloud_event.hpp reads and writes its
// envelope. Source and id together identify it. Its type is the topic; events with the same subject
// are handed out to a group one after another.
struct event_fields {
    std::string source;
    std::string id;
    std::string type;
    std::string subject; // empty: none, and no order
    std::string time;    // RFC 3339
    std::string data;    // JSON; empty: none
};

// Positions ascend in the order of publication, begin at 1 and may have gaps.
struct event_row {
    std::int64_t position = 0;
    event_fields fields;
};

inline constexpr std::size_t published_at_once_max = 256; // events
inline constexpr std::int64_t events_read_max = 1000;
inline constexpr std::size_t events_read_bytes_max = std::size_t{512} * 1024; // then no further one
inline constexpr std::int64_t handed_out_at_once_max = 100;
inline constexpr std::size_t group_topics_max = 8;
// Events that a group has begun and not finished. When all of these wait for earlier ones of their
// subjects, the group waits.
inline constexpr std::int64_t unfinished_max = 4096;

struct event_query {
    std::string topic; // empty: all
    std::int64_t after = 0;
    std::int64_t limit = events_read_max;
    bool newest = false; // the last ones behind `after`, not the first ones
};

struct published {
    std::int64_t added = 0;    // the others are in the log already
    std::int64_t position = 0; // of the last added one; 0: none
};

// A consumer asks for the next events of its group, which is created by its first call and begins
// with the first event.
struct pull_request {
    std::string group;
    std::vector<std::string> topics; // 1 … group_topics_max
    std::int64_t limit = handed_out_at_once_max;
    bool rebuilds = false; // the group can begin again with the first event: rebuild()
};

struct delivery {
    event_row event;
    std::int64_t lease = 0;
    std::int64_t tries = 0; // with this one
};

struct pulled {
    std::vector<delivery> events;
    // Grows when the group begins again, and when the log is a new one.
    std::int64_t generation = 0;
    // All events up to this position are finished, and none of them is handed out again in this
    // generation; 0: not known.
    std::int64_t floor = 0;
};

struct leased {
    std::int64_t position = 0;
    std::int64_t lease = 0;
};

// What became of events that were handed out. A lease that is over is ignored.
struct settlement {
    std::string group;
    std::vector<leased> done;
    std::vector<leased> failed;   // handed out again later, or a dead letter
    std::vector<leased> returned; // the same, but the delivery does not count
    std::string problem;          // of the failed ones, for people; at most problem_bytes_max
};
inline constexpr std::size_t problem_bytes_max = 256;

struct topic_facts {
    std::string name;
    std::int64_t events = 0;
    std::int64_t first = 0; // positions
    std::int64_t last = 0;
};

struct group_facts {
    std::string name;
    std::string topics; // with spaces between them
    std::int64_t position = 0;
    std::int64_t unfinished = 0; // begun, up to this position
    std::int64_t dead = 0;
    std::int64_t generation = 0;
    bool rebuilds = false;
};

struct dead_letter {
    std::string group;
    event_row event;
    std::int64_t tries = 0;
    std::int64_t died_ms = 0; // since 1970
    std::string problem;
};

// The log of all events, and the consumer groups with what they have to handle. Every event is
// handed out to each group whose topics include its type, at least once and, for each subject, in
// the order of positions: not while an earlier one with its subject is neither done nor a dead
// letter. An event is a dead letter after five failures, or after 20 deliveries the last of which
// nobody has settled in time (core/redelivery.hpp). Any number of processes may use it at once.
// What a call that returned a value has done survives a power failure. Errors common to all
// operations: errc::unavailable, errc::timeout, errc::cancelled.
class event_log {
public:
    virtual ~event_log() = default;

    /// Adds those whose source and id are not in the log, in their order. At most
    /// published_at_once_max.
    virtual asio::awaitable<result<published>>
    publish(std::vector<event_fields> events, deadline until) = 0;

    /// In the order of positions.
    virtual asio::awaitable<result<std::vector<event_row>>>
    read(event_query wanted, deadline until) = 0;

    /// Leases nothing when it takes longer than `until`.
    virtual asio::awaitable<result<pulled>> pull(pull_request wanted, deadline until) = 0;

    /// Returns how many of the leases were valid.
    virtual asio::awaitable<result<std::int64_t>> settle(settlement made, deadline until) = 0;

    // For people.

    virtual asio::awaitable<result<std::vector<topic_facts>>> topics(deadline until) = 0;
    virtual asio::awaitable<result<std::vector<group_facts>>> groups(deadline until) = 0;
    /// Of one group, or of all if it is empty; the oldest positions first.
    virtual asio::awaitable<result<std::vector<dead_letter>>>
    dead_letters(std::string group, std::int64_t limit, deadline until) = 0;
    /// Hands out one dead letter, or all if `position` is 0, as if for the first time; returns how
    /// many.
    virtual asio::awaitable<result<std::int64_t>>
    replay(std::string group, std::int64_t position, deadline until) = 0;
    /// Removes one dead letter, or all if `position` is 0; the group never gets the event again
    /// unless it begins again. Returns how many.
    virtual asio::awaitable<result<std::int64_t>>
    discard(std::string group, std::int64_t position, deadline until) = 0;
    /// The group begins again with the first event; returns its new generation. errc::not_found;
    /// errc::conflict: its consumers do not allow it.
    virtual asio::awaitable<result<std::int64_t>> rebuild(std::string group, deadline until) = 0;
    /// After the log was replaced by an older copy of itself: positions are used again, so no group
    /// may go on under its generation. Groups that allow it begin again with the first event, the
    /// others go on where the copy was made. Returns how many groups there are.
    virtual asio::awaitable<result<std::int64_t>> begin_new_generations(deadline until) = 0;
};

} // namespace msd::store
