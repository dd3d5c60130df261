// SPDX-License-Identifier: Apache-2.0
#include "node/unproven_peers.hpp"

#include "base/log.hpp"

#include <utility>

namespace msd::node {

unproven_peers::unproven_peers(net::watchdog& dog, milliseconds limit)
    : limit_{limit},
      guard_{dog, [this] {
                 close_overdue();
             }} {}

unproven_peers::place::place(unproven_peers& among, std::function<void()> close)
    : among_{among},
      close_{std::move(close)},
      until_{clock::now() + among.limit_} {
    at_ = among_.all_.insert(among_.all_.end(), this);
    if (among_.all_.size() > count_max) {
        among_.close_oldest();
    }
    among_.guard_.set(deadline{among_.all_.front()->until_});
}

unproven_peers::place::~place() {
    if (is_listed_) {
        among_.all_.erase(at_);
    }
}

void unproven_peers::close_oldest() {
    place& oldest = *all_.front();
    all_.pop_front();
    oldest.is_listed_ = false;
    const auto close = std::move(oldest.close_); // calling it may destroy the place
    close();
}

void unproven_peers::close_overdue() {
    const time_point now = clock::now();
    while (!all_.empty() && all_.front()->until_ <= now) {
        close_oldest();
    }
    if (!all_.empty()) {
        guard_.set(deadline{all_.front()->until_});
    }
}

void refusal_log::add(const std::string& text, time_point now) {
    ++count_;
    if (began_ == time_point::min() || now - began_ >= period) {
        if (left_out_ > 0) {
            log::warning(
                "{} more connections were refused, most of them for want of the cluster secret",
                left_out_
            );
        }
        began_ = now;
        lines_ = 0;
        left_out_ = 0;
    }
    if (lines_ < lines_max) {
        ++lines_;
        log::warning("{}", text);
    } else {
        ++left_out_;
    }
}

} // namespace msd::node
