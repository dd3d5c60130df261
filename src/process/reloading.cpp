// SPDX-License-Identifier: Apache-2.0
#include "process/reloading.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::process {

namespace {

using step_of_worker = configuring_state::step;

bool serves(const worker_process& worker) {
    return worker.now_is == worker_process::phase::ready;
}

// The file that the workers of a slot started from; null: none.
const unique_fd* file_of(const worker_pool& pool, const worker_process& worker) {
    const bool has_slot = worker.slot < pool.slots().size();
    return has_slot ? pool.slots()[worker.slot].plan->config.get() : nullptr;
}

void write_result(json::writer& out, const operation_result& of) {
    out.key("id").unsigned_integer(of.id);
    out.key("state").string(of.id == 0 ? "idle" : of.succeeded ? "done" : "refused");
    out.key("reason").string(of.reason);
}

} // namespace

reloading::reloading(std::list<worker_pool>& pools, actions of_master)
    : pools_{pools},
      do_{std::move(of_master)} {}

result<std::uint64_t> reloading::request() {
    if (active_) {
        if (waiting_ == 0) {
            waiting_ = ++last_id_;
        }
        return waiting_;
    }
    if (const auto begun = begin(++last_id_); !begun) {
        return tl::unexpected{begun.error()};
    }
    return active_ ? active_->id : 0;
}

// Reads the configuration and, when no worker applies it while it serves, ends the reload as well.
result<void> reloading::begin(std::uint64_t id) {
    auto read = do_.read();
    if (!read) {
        log::error("the configuration stays as it was: {}", read.error().text);
        end({id, false, read.error().text, 0});
        return tl::unexpected{std::move(read.error())};
    }
    active_ = running{id, std::move(*read), 0, {}};
    if (active_->made.pools_live.empty()) {
        finish();
    }
    return {};
}

void reloading::advance(bool is_rolling, milliseconds limit, time_point now) {
    while (step(is_rolling, limit, now)) {
    }
    replace_outdated(limit, now);
}

// True when a reload has begun or ended, so that the next step may be due.
bool reloading::step(bool is_rolling, milliseconds limit, time_point now) {
    if (!active_) {
        const std::uint64_t next = std::exchange(waiting_, 0);
        if (next != 0) {
            static_cast<void>(begin(next)); // write() has the reason of an error
        }
        return next != 0;
    }
    if (active_->number == 0) {
        if (is_rolling) {
            return false;
        }
        begin_applying(limit, now);
    }
    send_to_new_workers(now);
    if (const std::string why = refusal(); !why.empty()) {
        refuse(why, now);
        return true;
    }
    if (now >= active_->until) {
        give_up_silent_pools(now);
    }
    const bool is_applied =
        std::ranges::all_of(pools_, [this](const worker_pool& each) { return all_applied(each); });
    if (is_applied) {
        finish();
    }
    return is_applied;
}

void reloading::begin_applying(milliseconds limit, time_point now) {
    active_->number = ++last_number_;
    active_->until = now + limit;
    for (const worker_pool& each : pools_) {
        if (do_.is_rolled(each) && active_->made.pools_live.erase(each.name()) != 0) {
            active_->made.pools_affected.insert(each.name());
        }
    }
}

// Also to workers that have started meanwhile, with the file from before this reload. A worker that
// cannot be reached is one that does not answer.
void reloading::send_to_new_workers(time_point now) {
    for (worker_pool& pool : pools_) {
        if (!active_->made.pools_live.contains(pool.name())) {
            continue;
        }
        for (worker_process& worker : pool.workers()) {
            if (!worker.is_ending() && worker.configuring.number != active_->number) {
                static_cast<void>(
                    worker_pool::configure(worker, active_->number, active_->made.config.get(), now)
                );
            }
        }
    }
}

bool reloading::is_part_of_active(const worker_process& worker) const {
    return active_ && active_->number != 0 && worker.configuring.number == active_->number;
}

std::string reloading::refusal() const {
    for (const worker_pool& pool : pools_) {
        for (const worker_process& worker : pool.workers()) {
            if (is_part_of_active(worker) && !worker.is_ending() &&
                worker.configuring.now_is == step_of_worker::refused) {
                return fmt::format(
                    "{}/{}: {}",
                    pool.name(),
                    worker.slot,
                    worker.configuring.refusal
                );
            }
        }
    }
    return {};
}

// Workers that are starting do not count: they apply the file before they can serve for long, and
// replace_outdated() replaces those that do not.
bool reloading::all_applied(const worker_pool& of) const {
    return std::ranges::all_of(of.workers(), [this](const worker_process& worker) {
        return !is_part_of_active(worker) || !serves(worker) ||
               worker.configuring.now_is != step_of_worker::sent;
    });
}

void reloading::give_up_silent_pools(time_point now) {
    for (worker_pool& pool : pools_) {
        if (all_applied(pool)) {
            continue;
        }
        for (worker_process& worker : pool.workers()) {
            if (is_part_of_active(worker) && worker.configuring.now_is == step_of_worker::sent) {
                worker.configuring.now_is = step_of_worker::none;
                log::warning(
                    "{}/{}: pid {} has not answered CONFIGURE; its pool is rolled instead",
                    pool.name(),
                    worker.slot,
                    worker.pid
                );
            }
        }
        restore(pool, ++last_number_, now);
        active_->made.pools_live.erase(pool.name());
        active_->made.pools_affected.insert(pool.name());
    }
}

// Sends the previous file to the workers that have applied the new one, or may still do so.
void reloading::restore(worker_pool& pool, std::uint64_t number, time_point now) {
    for (worker_process& worker : pool.workers()) {
        const step_of_worker was = worker.configuring.now_is;
        if (!is_part_of_active(worker) || worker.is_ending()) {
            continue;
        }
        const bool may_have_new_file =
            was == step_of_worker::sent || was == step_of_worker::applied;
        worker.configuring.now_is = step_of_worker::none;
        if (may_have_new_file &&
            !worker_pool::configure(worker, number, file_of(pool, worker), now)) {
            pool.replace(worker, now);
        }
    }
}

void reloading::refuse(const std::string& why, time_point now) {
    log::error("the configuration stays as it was: {}", why);
    const std::uint64_t number = ++last_number_;
    for (worker_pool& each : pools_) {
        restore(each, number, now);
    }
    const running ended = *std::exchange(active_, std::nullopt);
    ended.made.settle(false);
    end({ended.id, false, why, 0});
}

void reloading::finish() {
    running done = *std::exchange(active_, std::nullopt);
    done.made.settle(true);
    if (!done.made.pools_live.empty()) {
        log::info(
            "reload {}: applied without a restart by {}",
            done.id,
            fmt::join(done.made.pools_live, ", ")
        );
    }
    do_.adopt(done.made);
    end({done.id, true, {}, 0});
}

void reloading::end(operation_result how) {
    before_last_ = std::exchange(last_, std::move(how));
    do_.end();
}

void reloading::abandon() {
    constexpr std::string_view why = "the instance stops";
    if (active_) {
        active_->made.settle(false);
        end({active_->id, false, std::string{why}, 0});
        active_.reset();
    }
    if (const std::uint64_t next = std::exchange(waiting_, 0); next != 0) {
        before_last_ = std::exchange(last_, {next, false, std::string{why}, 0});
    }
}

bool reloading::is_overdue(const worker_process& worker, milliseconds limit, time_point now) const {
    return serves(worker) && now >= std::max(worker.configuring.sent_at, worker.ready_at) + limit;
}

// Workers whose answer nothing waits for any more: those that were starting when the others applied
// a file, and those that got their previous file back.
void reloading::replace_outdated(milliseconds limit, time_point now) {
    for (worker_pool& pool : pools_) {
        for (worker_process& worker : pool.workers()) {
            const configuring_state& its = worker.configuring;
            const bool is_silent =
                its.now_is == step_of_worker::sent && is_overdue(worker, limit, now);
            if (pool.is_stopping() || worker.is_ending() || is_part_of_active(worker) ||
                (!is_silent && its.now_is != step_of_worker::refused)) {
                continue;
            }
            log::error(
                "{}/{}: pid {} is replaced, because it has not applied its configuration",
                pool.name(),
                worker.slot,
                worker.pid
            );
            worker.configuring.now_is = step_of_worker::none;
            pool.replace(worker, now);
        }
    }
}

bool reloading::has_unanswered() const {
    return std::ranges::any_of(pools_, [](const worker_pool& pool) {
        return std::ranges::any_of(pool.workers(), [](const worker_process& worker) {
            return worker.configuring.now_is == step_of_worker::sent && !worker.is_ending();
        });
    });
}

time_point reloading::due(milliseconds limit) const {
    time_point next = time_point::max();
    if (active_ && active_->number != 0) {
        next = active_->until;
    }
    for (const worker_pool& pool : pools_) {
        for (const worker_process& worker : pool.workers()) {
            if (worker.configuring.now_is == step_of_worker::sent && serves(worker) &&
                !is_part_of_active(worker)) {
                next =
                    std::min(next, std::max(worker.configuring.sent_at, worker.ready_at) + limit);
            }
        }
    }
    return next;
}

void reloading::write(json::writer& out) const {
    out.begin_object();
    if (active_) {
        out.key("id").unsigned_integer(active_->id);
        out.key("state").string(active_->number == 0 ? "waiting" : "applying");
        out.key("reason").string("");
    } else {
        write_result(out, last_);
    }
    out.key("previous").begin_object();
    write_result(out, active_ ? last_ : before_last_);
    out.end_object();
    out.end_object();
}

} // namespace msd::process
