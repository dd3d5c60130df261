// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>

namespace msd::core {

// Tasks of many clients that wait for a scarce resource, served in turn: first the lanes (proven
// and other tasks alternate), then the clients of the lane, then the names of the client. So a
// client with many tasks, or a name with many tasks, delays the tasks of others by one task each
// and not by all of its own. Every count has a limit, and a limit that several clients share is no
// advantage for the client that came first: the newest task of the client with the most tasks makes
// room for a client with fewer. Clients and names are numbers; the caller hashes them with a key
// that clients do not know.
class fair_queue {
public:
    struct limits {
        std::size_t total_max = 256; // waiting tasks
        std::size_t client_max = 64; // of one client in one lane
        // Of one name and all its clients in the lane of other tasks; at least same_max of a task.
        std::size_t name_max = 16;
    };

    struct task {
        std::uint64_t id = 0; // unique among the waiting tasks
        std::uint64_t client = 0;
        std::uint64_t name = 0;
        std::size_t same_max = 8; // waiting tasks of this client with this name in this lane
        bool is_proven = false;   // the lane
    };

    enum class refusal : std::uint8_t {
        none,
        name,   // too many tasks of this name
        client, // too many tasks of this client
        all,    // the queue is full of the tasks of others
    };

    struct outcome {
        refusal why = refusal::none;
        // A waiting task that was removed to make room; it is to be refused as refusal::client.
        std::optional<std::uint64_t> displaced;
    };

    explicit fair_queue(limits chosen) : limits_{chosen} {}

    [[nodiscard]] outcome add(const task& added);
    /// The task whose turn it is; nullopt when none waits.
    [[nodiscard]] std::optional<std::uint64_t> take();
    /// Removes a waiting task, for example when its time is over. Does nothing for other ids.
    void remove(std::uint64_t id);

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

private:
    struct name_tasks {
        std::uint64_t name = 0;
        std::deque<std::uint64_t> ids; // not empty
    };
    struct client_tasks {
        std::uint64_t client = 0;
        std::list<name_tasks> names; // not empty; the front is next
        std::size_t size = 0;
    };
    using lane = std::list<client_tasks>; // the front is next

    static constexpr std::size_t others = 0;
    static constexpr std::size_t proven = 1;

    [[nodiscard]] refusal check_own(const task& added) const;
    [[nodiscard]] outcome make_room(const task& added);
    [[nodiscard]] std::optional<std::uint64_t>
    displace_from_name(std::uint64_t name, std::size_t count_min);
    [[nodiscard]] std::optional<std::uint64_t> displace_from(lane& from, std::size_t count_min);
    void insert(const task& added);
    void erase_last(lane& from, lane::iterator of, std::list<name_tasks>::iterator tasks);

    limits limits_;
    std::array<lane, 2> lanes_;
    std::size_t next_lane_ = proven;
    std::size_t size_ = 0;
};

} // namespace msd::core
