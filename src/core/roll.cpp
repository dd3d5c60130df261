// SPDX-License-Identifier: Apache-2.0
#include "core/roll.hpp"

#include <algorithm>
#include <utility>

namespace msd::core {

roll::roll(std::size_t targets, milliseconds soak)
    : targets_{targets},
      soak_{soak},
      phase_{targets == 0 ? phase::done : phase::next} {}

roll::step roll::advance(time_point now) {
    if (discard_) {
        discard_ = false;
        return {action::discard, discarded_, back_};
    }
    if (phase_ == phase::next) {
        phase_ = phase::starting;
        return {action::start, target_, back_};
    }
    if (phase_ == phase::soaking && now >= soaked_at_) {
        phase_ = phase::retiring;
        soaked_at_ = time_point::max();
        return {action::retire, target_, back_};
    }
    return {};
}

time_point roll::due() const {
    const bool at_once = discard_ || phase_ == phase::next;
    return at_once ? time_point::min() : soaked_at_;
}

void roll::ready(time_point now) {
    if (phase_ == phase::starting) {
        phase_ = phase::soaking;
        // A rollback needs no soak: the previous program has run before.
        soaked_at_ = back_ ? now : now + soak_;
    }
}

void roll::hold(time_point until) {
    if (phase_ == phase::soaking) {
        soaked_at_ = std::max(soaked_at_, until);
    }
}

void roll::retired() {
    if (phase_ != phase::retiring) {
        return;
    }
    if (!back_) {
        moved_.push_back(target_);
    }
    go_on();
}

void roll::failed(std::string_view why) {
    if (is_over() || phase_ == phase::next) {
        return;
    }
    discard_ = true;
    discarded_ = target_;
    soaked_at_ = time_point::max();
    if (back_) {
        // This slot keeps its present worker; the others are still rolled back.
        go_on();
        return;
    }
    reason_ = why;
    back_ = true;
    go_on();
}

void roll::skip() {
    soaked_at_ = time_point::max();
    if (!is_over()) {
        go_on();
    }
}

void roll::extend(std::size_t more) {
    targets_ += more;
    if (phase_ == phase::done && target_ < targets_) {
        phase_ = phase::next;
    }
}

void roll::go_on() {
    if (!back_) {
        phase_ = ++target_ < targets_ ? phase::next : phase::done;
        return;
    }
    if (moved_.empty()) {
        phase_ = phase::aborted;
        return;
    }
    target_ = moved_.back();
    moved_.pop_back();
    phase_ = phase::next;
}

std::string_view text_of(roll::phase phase) {
    switch (phase) {
    case roll::phase::next:
    case roll::phase::starting:
        return "starting";
    case roll::phase::soaking:
        return "soaking";
    case roll::phase::retiring:
        return "retiring";
    case roll::phase::done:
        return "done";
    case roll::phase::aborted:
        return "aborted";
    }
    return "";
}

} // namespace msd::core
