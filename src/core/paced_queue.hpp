// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>

namespace msd::core {

// Who has to be sent something, in order, each at most once. What is sent to many is sent in
// several turns of the event loop, and a peer that waits is sent the newest state when its turn
// comes. mark() and reached() say when all that waited for a state were served.
class paced_queue {
public:
    using id = std::uint64_t;

    void push(id who) {
        if (waiting_.insert(who).second) {
            order_.push_back(who);
            ++pushed_;
        }
    }

    [[nodiscard]] bool empty() const { return order_.empty(); }
    [[nodiscard]] bool contains(id who) const { return waiting_.contains(who); }

    /// Call when is not empty().
    id pop() {
        const id first = order_.front();
        order_.pop_front();
        waiting_.erase(first);
        ++popped_;
        return first;
    }

    /// All peers that must be served for `state` are in the queue. States increase.
    void mark(std::uint64_t state) {
        if (!marks_.empty() && marks_.back().pushed == pushed_) {
            marks_.back().state = state;
        } else {
            marks_.push_back({pushed_, state});
        }
    }

    /// The newest marked state whose peers were all served, once; then nothing until the next.
    [[nodiscard]] std::optional<std::uint64_t> take_reached() {
        std::optional<std::uint64_t> reached;
        while (!marks_.empty() && marks_.front().pushed <= popped_) {
            reached = marks_.front().state;
            marks_.pop_front();
        }
        return reached;
    }

private:
    struct state_mark {
        std::uint64_t pushed;
        std::uint64_t state;
    };

    std::deque<id> order_;
    std::unordered_set<id> waiting_;
    std::deque<state_mark> marks_;
    std::uint64_t pushed_ = 0;
    std::uint64_t popped_ = 0;
};

} // namespace msd::core
