// SPDX-License-Identifier: Apache-2.0
#include "process/upgrading.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <utility>

namespace msd::process {

upgrading::upgrading(std::string program, questioner ask, executor become)
    : program_{std::move(program)},
      ask_{std::move(ask)},
      become_{std::move(become)} {}

std::uint64_t upgrading::request() {
    if (!is_active()) {
        active_ = last_.id + 1;
        log::info("upgrade {}: to {}", active_, program_);
    }
    return active_;
}

void upgrading::advance(bool has_to_wait, time_point now) {
    if (!is_active()) {
        return;
    }
    if (!check_) {
        if (has_to_wait) {
            return;
        }
        begin_check();
        if (!check_) {
            return;
        }
    }
    check_->expire(now);
    const std::optional<result<std::string>>& answer = check_->answer();
    if (!answer) {
        return;
    }
    if (!*answer) {
        refuse({answer->error().code, fmt::format("{}: {}", program_, answer->error().text)});
        return;
    }
    log::info("upgrade {}: version {} takes over", active_, **answer);
    const error why = become_(check_->program());
    refuse({why.code, fmt::format("{}: {}", program_, why.text)});
}

void upgrading::begin_check() {
    auto asked = ask_();
    if (asked) {
        check_.emplace(std::move(*asked));
    } else {
        refuse(asked.error());
    }
}

time_point upgrading::due() const {
    return check_ ? check_->next_due() : time_point::max();
}

void upgrading::read_output() {
    if (check_) {
        check_->read_output();
    }
}

bool upgrading::reaped(pid_t pid, int wait_status) {
    return check_ && check_->reaped(pid, wait_status);
}

void upgrading::abandon(std::string_view why) {
    if (is_active()) {
        refuse({errc::cancelled, std::string{why}});
    }
}

void upgrading::refuse(const error& why) {
    log::error("upgrade {} refused: {}", active_, why.text);
    last_ = {std::exchange(active_, 0), false, why.text, 0};
    check_.reset();
}

std::string_view upgrading::state() const {
    if (is_active()) {
        return check_ ? "checking" : "waiting";
    }
    if (last_.id == 0) {
        return "idle";
    }
    return last_.succeeded ? "done" : "refused";
}

void upgrading::write(json::writer& out) const {
    out.begin_object();
    out.key("id").unsigned_integer(id());
    out.key("state").string(state());
    out.key("reason").string(is_active() ? "" : last_.reason);
    out.end_object();
}

} // namespace msd::process
