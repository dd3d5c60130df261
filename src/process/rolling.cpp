// SPDX-License-Identifier: Apache-2.0
#include "process/rolling.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace msd::process {

using core::roll;

namespace {

constexpr milliseconds look_again{100};

} // namespace

rolling::rolling(std::list<worker_pool>& pools, planner plan, success on_success)
    : pools_{pools},
      plan_{std::move(plan)},
      on_success_{std::move(on_success)} {}

void rolling::resume(const rolls_state& left) {
    last_id_ = left.last_id;
    last_ = left.last;
    before_last_ = left.before_last;
    if (!left.waiting) {
        return;
    }
    roll_request wanted{static_cast<roll_request::kind>(left.waiting->what), {}, {}};
    wanted.pools.insert(left.waiting->pools.begin(), left.waiting->pools.end());
    for (const slot_name& each : left.waiting->slots) {
        wanted.slots.insert({each.pool, each.slot});
    }
    waiting_ = request_in_waiting{left.waiting->id, std::move(wanted), left.waiting->soak};
}

rolls_state rolling::state() const {
    rolls_state made{last_id_, last_, before_last_, std::nullopt};
    if (!waiting_) {
        return made;
    }
    const roll_request& wanted = waiting_->wanted;
    waiting_roll_state& left = made.waiting.emplace();
    left.id = waiting_->id;
    left.what = static_cast<int>(wanted.what);
    left.soak = waiting_->soak;
    left.pools.assign(wanted.pools.begin(), wanted.pools.end());
    for (const auto& [pool, slot] : wanted.slots) {
        left.slots.push_back({pool, slot});
    }
    return made;
}

std::uint64_t rolling::request(roll_request wanted, milliseconds soak) {
    if (waiting_) {
        waiting_->wanted.what = std::max(waiting_->wanted.what, wanted.what);
        waiting_->wanted.pools.merge(wanted.pools);
        waiting_->wanted.slots.merge(wanted.slots);
        return waiting_->id;
    }
    waiting_ = request_in_waiting{++last_id_, std::move(wanted), soak};
    return last_id_;
}

void rolling::advance(time_point now) {
    if (!active_ && waiting_ && !held_) {
        begin();
    }
    while (active_) {
        look(now);
        const roll::step step = active_->progress.advance(now);
        if (step.what == roll::action::none) {
            break;
        }
        perform(step, now);
    }
    if (active_ && active_->progress.is_over()) {
        finish();
    }
}

time_point rolling::due() const {
    if (active_) {
        return active_->progress.due();
    }
    return waiting_ && !held_ ? time_point::min() : time_point::max();
}

void rolling::begin() {
    const request_in_waiting next = *std::exchange(waiting_, std::nullopt);
    auto targets = targets_of(next.wanted);
    if (!targets) {
        log::error("roll {} refused: {}", next.id, targets.error().text);
        end({next.id, false, targets.error().text, 0});
        return;
    }
    const roll progress{targets->size(), next.soak};
    log::info("roll {}: {} workers", next.id, targets->size());
    active_ = running{next.id, next.wanted.what, std::move(*targets), progress};
}

result<std::vector<rolling::target>> rolling::targets_of(const roll_request& wanted) {
    std::vector<target> targets;
    std::map<shared_plan, shared_plan> made; // by the old plan; by null for a new program
    for (worker_pool& each : pools_) {
        const bool is_renewed =
            wanted.what != roll_request::kind::same_plan && wanted.pools.contains(each.name());
        for (std::size_t slot = 0; slot < each.slots().size(); ++slot) {
            const shared_plan& before = each.slots()[slot].plan;
            if (!is_renewed) {
                if (wanted.pools.contains(each.name()) ||
                    wanted.slots.contains({each.name(), slot})) {
                    targets.push_back({&each, slot, before, before});
                }
                continue;
            }
            shared_plan& after =
                made[wanted.what == roll_request::kind::new_program ? nullptr : before];
            if (!after) {
                auto plan = plan_(wanted.what, before);
                if (!plan) {
                    return tl::unexpected{std::move(plan.error())};
                }
                after = std::move(*plan);
            }
            targets.push_back({&each, slot, before, after});
        }
    }
    return targets;
}

// Slots that were added since the roll began, in pools that get a new plan.
std::vector<rolling::target> rolling::added_meanwhile() const {
    std::vector<target> added;
    for (const target& one : active_->targets) {
        const auto& slots = one.of->slots();
        const bool is_first = added.empty() || added.back().of != one.of;
        if (!is_first || one.before == one.after || one.of->is_stopping()) {
            continue;
        }
        for (std::size_t slot = 0; slot < slots.size(); ++slot) {
            if (slots[slot].plan == one.before) {
                added.push_back({one.of, slot, one.before, one.after});
            }
        }
    }
    return added;
}

shared_plan rolling::plan_for_new_slot(const worker_pool& of) const {
    if (active_) {
        const auto& all = active_->targets;
        const auto one = std::find_if(all.begin(), all.end(), [&of](const auto& each) {
            return each.of == &of;
        });
        if (one != all.end()) {
            return one->before;
        }
    }
    return of.slots().back().plan;
}

bool rolling::was_aborted(std::uint64_t id) const {
    const auto is_meant = [id](const operation_result& each) {
        return id != 0 && each.id == id;
    };
    return (is_meant(last_) && !last_.succeeded) ||
           (is_meant(before_last_) && !before_last_.succeeded);
}

bool rolling::will_renew(const worker_pool& pool) const {
    return waiting_ && waiting_->wanted.what != roll_request::kind::same_plan &&
           waiting_->wanted.pools.contains(pool.name());
}

// Passes the present state of the candidate on to core::roll.
void rolling::look(time_point now) {
    roll& progress = active_->progress;
    if (progress.is_over() || progress.now_is() == roll::phase::next) {
        return;
    }
    const target& one = active_->targets[progress.target()];
    if (one.slot >= one.of->slots().size() || one.of->is_stopping()) {
        progress.skip();
        return;
    }
    const std::string& why = one.of->slots()[one.slot].candidate_end;
    if (progress.now_is() == roll::phase::retiring) {
        const auto retirement = one.of->candidates().retirement_of(one.slot, now);
        if (retirement == slot_candidates::retirement::done) {
            progress.retired();
        } else if (retirement == slot_candidates::retirement::refused) {
            progress.failed(fmt::format("{}: {}", name_of(one), why));
        }
        return;
    }
    const worker_process* const candidate = one.of->candidates().find(one.slot);
    if (candidate == nullptr) {
        progress.failed(fmt::format("{}: {}", name_of(one), why));
    } else if (candidate->now_is == worker_process::phase::ready) {
        progress.ready(now);
        if (one.of->limits().has_missed_heartbeats(*candidate, now)) {
            progress.hold(now + look_again); // until the next heartbeat, or until it is killed
        }
    }
}

void rolling::perform(const roll::step& step, time_point now) {
    const target& one = active_->targets[step.target];
    if (one.slot >= one.of->slots().size()) {
        active_->progress.skip();
        return;
    }
    switch (step.what) {
    case roll::action::start:
        if (const auto made =
                one.of->candidates().start(one.slot, step.back ? one.before : one.after, now);
            !made) {
            active_->progress.failed(fmt::format("{}: {}", name_of(one), made.error().text));
        }
        break;
    case roll::action::retire:
        one.of->candidates().retire_old(one.slot, now);
        break;
    case roll::action::discard:
        one.of->candidates().discard(one.slot, now);
        log::error("roll {}: {}", active_->id, active_->progress.reason());
        break;
    case roll::action::none:
        break;
    }
}

void rolling::finish() {
    const roll& progress = active_->progress;
    const bool succeeded = progress.now_is() == roll::phase::done;
    if (succeeded) {
        if (std::vector<target> added = added_meanwhile(); !added.empty()) {
            active_->progress.extend(added.size());
            std::move(added.begin(), added.end(), std::back_inserter(active_->targets));
            return;
        }
        log::info("roll {} done{}", active_->id, what_runs_now());
        if (active_->what != roll_request::kind::same_plan && !active_->targets.empty()) {
            on_success_(active_->targets.front().after);
        }
    } else {
        log::error("roll {} aborted: {}", active_->id, progress.reason());
    }
    end({active_->id, succeeded, progress.reason(), active_->targets.size()});
}

void rolling::abandon(time_point now) {
    waiting_.reset();
    if (!active_) {
        return;
    }
    const target& one = active_->targets[active_->progress.target()];
    if (!active_->progress.is_over() && one.slot < one.of->slots().size()) {
        one.of->candidates().discard(one.slot, now);
    }
    end({active_->id, false, "the instance stops", active_->targets.size()});
}

// The program that the roll has started, with its version.
std::string rolling::what_runs_now() const {
    for (const target& one : active_->targets) {
        for (const worker_process& worker : one.of->workers()) {
            if (worker.slot == one.slot && !worker.is_ending()) {
                return fmt::format(
                    ": the workers run version {} of {}",
                    worker.build.empty() ? "unknown" : worker.build,
                    worker.plan->program.text()
                );
            }
        }
    }
    return {}; // all slots were removed meanwhile
}

std::string rolling::name_of(const target& one) const {
    return fmt::format("{}/{}", one.of->name(), one.slot);
}

void rolling::write(json::writer& out) const {
    out.begin_object();
    if (active_) {
        write_active(out);
    } else {
        write_operation_result(out, last_);
    }
    out.key("waiting").boolean(waiting_.has_value());
    out.key("previous").begin_object();
    write_operation_result(out, active_ ? last_ : before_last_);
    out.end_object();
    out.end_object();
}

std::string rolling::summary() const {
    if (!active_) {
        return last_.id == 0     ? ""
               : last_.succeeded ? fmt::format("roll {} done", last_.id)
                                 : fmt::format("roll {} aborted: {}", last_.id, last_.reason);
    }
    const roll& progress = active_->progress;
    return fmt::format(
        "{} {}, {} of {} done",
        progress.is_going_back() ? "rolling back" : "rolling",
        name_of(active_->targets[progress.target()]),
        progress.finished(),
        progress.targets()
    );
}

void rolling::write_active(json::writer& out) const {
    const roll& progress = active_->progress;
    const target& one = active_->targets[progress.target()];
    out.key("id").unsigned_integer(active_->id);
    out.key("state").string(progress.is_going_back() ? "rolling_back" : "rolling");
    out.key("slot").string(name_of(one));
    out.key("phase").string(core::text_of(progress.now_is()));
    out.key("done").unsigned_integer(progress.finished());
    out.key("of").unsigned_integer(progress.targets());
    out.key("reason").string(progress.reason());
}

void rolling::write_operation_result(json::writer& out, const operation_result& of) {
    out.key("id").unsigned_integer(of.id);
    out.key("state").string(of.id == 0 ? "idle" : of.succeeded ? "done" : "aborted");
    out.key("of").unsigned_integer(of.slots);
    out.key("reason").string(of.reason);
}

void rolling::end(operation_result how) {
    before_last_ = std::exchange(last_, std::move(how));
    active_.reset();
}

} // namespace msd::process
