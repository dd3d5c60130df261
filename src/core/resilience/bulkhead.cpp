// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/bulkhead.hpp"

#include <algorithm>
#include <utility>

namespace msd::core::resilience {

bulkhead::bulkhead(const bulkhead_settings& settings, bulkhead_counts& host, bulkhead_counts& own)
    : settings_{settings},
      host_{host},
      own_{own},
      queue_(static_cast<std::size_t>(std::max(settings.queue, 0)) + 1) {}

bulkhead::admission bulkhead::enter(id who, deadline request, time_point now) {
    drop_absent();
    if (waiters_ == 0 && begin_request_below(settings_.requests, host_.running, own_.running)) {
        return {entry::entered, {}};
    }
    if (end_ - first_ == queue_.size()) {
        close_gaps();
    }
    const bool has_place = end_ - first_ < queue_.size();
    if (!has_place || !begin_request_below(settings_.queue, host_.waiting, own_.waiting)) {
        return {entry::refused, {}};
    }
    const milliseconds part = request.left(now) * settings_.queue_percent / 100;
    const time_point until = now + std::min(settings_.queue_wait, part);
    at(end_++) = {who, until, true};
    ++waiters_;
    return {entry::waits, until};
}

void bulkhead::remove(waiter& from) {
    from.is_present = false;
    --waiters_;
    end_request(host_.waiting, own_.waiting);
}

void bulkhead::drop_absent() {
    while (first_ != end_ && !at(first_).is_present) {
        ++first_;
    }
}

void bulkhead::close_gaps() {
    std::size_t kept = first_;
    for (std::size_t place = first_; place != end_; ++place) {
        if (at(place).is_present) {
            std::swap(at(kept++), at(place));
        }
    }
    end_ = kept;
}

std::optional<bulkhead::id> bulkhead::next(time_point now) {
    drop_absent();
    // Those whose time is over are for expired().
    std::size_t place = first_;
    while (place != end_ && (!at(place).is_present || at(place).until <= now)) {
        ++place;
    }
    if (place == end_ || !begin_request_below(settings_.requests, host_.running, own_.running)) {
        return std::nullopt;
    }
    remove(at(place));
    return at(place).who;
}

std::optional<bulkhead::id> bulkhead::expired(time_point now) {
    for (std::size_t place = first_; place != end_; ++place) {
        waiter& one = at(place);
        if (one.is_present && one.until <= now) {
            remove(one);
            drop_absent();
            return one.who;
        }
    }
    return std::nullopt;
}

void bulkhead::cancel(id who) {
    for (std::size_t place = first_; place != end_; ++place) {
        if (at(place).is_present && at(place).who == who) {
            remove(at(place));
            drop_absent();
            return;
        }
    }
}

} // namespace msd::core::resilience
