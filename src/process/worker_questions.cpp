// SPDX-License-Identifier: Apache-2.0
#include "process/worker_questions.hpp"

#include "base/json.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::process {

namespace {

std::string error_text(std::string_view why) {
    return fmt::format(R"({{"error":{}}})", json::quote(why));
}

// The answer of a worker as one line; an error when it is no JSON object.
std::string checked_answer(const std::string& from) {
    json::object fields;
    if (!fields.parse(from)) {
        return error_text("the worker's answer cannot be read");
    }
    return printable_json(from);
}

} // namespace

worker_questions::worker_questions(std::list<worker_pool>& pools, answer_to receiver)
    : pools_{pools},
      receiver_{std::move(receiver)} {}

result<std::uint64_t>
worker_questions::ask(std::string_view pool, std::string_view question, time_point now) {
    if (is_giving_up_) {
        return fail(errc::refused, "the master is being replaced; try again");
    }
    if (open_.size() >= questions_max) {
        return fail(errc::refused, "too many questions wait for workers; try again");
    }
    open_question made;
    made.number = last_ + 1;
    made.pool = pool;
    made.text = question;
    if (auto asked = ask_next(made, now); !asked) {
        return tl::unexpected{std::move(asked.error())};
    }
    open_.push_back(std::move(made));
    return ++last_;
}

// A worker that was not asked yet; one that misses heartbeats only when there is no other.
const worker_process* worker_questions::choose(const open_question& of, time_point now) const {
    const worker_process* chosen = nullptr;
    int best = 0;
    for (const worker_pool& pool : pools_) {
        if (!of.pool.empty() && pool.name() != of.pool) {
            continue;
        }
        const bool serves_nobody = pool.name() == "admin";
        for (const worker_process& each : pool.workers()) {
            const bool can_answer = each.now_is == worker_process::phase::ready &&
                                    !each.terminated && !each.handed_over && each.control;
            if (!can_answer || std::ranges::find(of.asked, each.pid) != of.asked.end()) {
                continue;
            }
            const bool is_alive = !pool.limits().has_missed_heartbeats(each, now);
            const int rank = 1 + (is_alive ? 2 : 0) + (serves_nobody ? 1 : 0);
            if (rank > best) {
                best = rank;
                chosen = &each;
            }
        }
    }
    return chosen;
}

const worker_process* worker_questions::find(pid_t pid) const {
    for (const worker_pool& pool : pools_) {
        for (const worker_process& each : pool.workers()) {
            if (each.pid == pid) {
                return &each;
            }
        }
    }
    return nullptr;
}

result<void> worker_questions::ask_next(open_question& of, time_point now) {
    while (of.asked.size() < workers_max) {
        const worker_process* const worker = choose(of, now);
        if (worker == nullptr) {
            break;
        }
        // Each has memory of its own: a late answer of the one before changes nothing.
        auto memory = core::worker_question::create(of.text);
        if (!memory) {
            return tl::unexpected{std::move(memory.error())};
        }
        of.asked.push_back(worker->pid);
        const core::worker_message message{
            core::worker_message::kind::ask,
            std::to_string(of.number)};
        if (send_message(*worker, message, memory->descriptor())) {
            of.memory.emplace(std::move(*memory));
            of.until = now + worker_limit;
            return {};
        }
    }
    const std::string_view pool = of.pool.empty() ? std::string_view{"this instance"} : of.pool;
    return of.asked.empty() ? fail(errc::unavailable, fmt::format("no worker of {} is ready", pool))
                            : fail(errc::timeout, fmt::format("no worker of {} answers", pool));
}

// True when the question is answered.
bool worker_questions::conclude(open_question& of, time_point now) {
    // ANSWERED only wakes the master: the memory says what is answered.
    if (const auto answer = of.memory ? of.memory->answer() : std::nullopt) {
        receiver_(of.number, checked_answer(*answer));
        return true;
    }
    const worker_process* const worker = find(of.asked.back());
    if (worker != nullptr && worker->control && now < of.until) {
        return false;
    }
    if (const auto asked = ask_next(of, now); !asked) {
        receiver_(of.number, error_text(asked.error().text));
        return true;
    }
    return false;
}

void worker_questions::advance(time_point now) {
    is_giving_up_ = false; // the master was not replaced
    open_.remove_if([this, now](open_question& each) { return conclude(each, now); });
}

time_point worker_questions::due() const {
    time_point next = time_point::max();
    for (const open_question& each : open_) {
        next = std::min(next, each.until);
    }
    return next;
}

void worker_questions::give_up(std::string_view why) {
    is_giving_up_ = true;
    for (const open_question& each : std::exchange(open_, {})) {
        receiver_(each.number, error_text(why));
    }
}

} // namespace msd::process
