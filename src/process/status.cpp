// SPDX-License-Identifier: Apache-2.0
#include "process/status.hpp"

#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/private_memory.hpp"
#include "base/version.hpp"
#include "process/fault_commands.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <cstddef>

namespace msd::process {

namespace {

std::int64_t milliseconds_between(time_point from, time_point to) {
    return std::chrono::duration_cast<milliseconds>(to - from).count();
}

void write_history(json::writer& out, const worker_pool::slot& slot) {
    out.key("restarts").integer(slot.restarts);
    out.key("last_exit");
    if (slot.last_exit.empty()) {
        out.null();
    } else {
        out.string(slot.last_exit);
    }
}

void write_worker(
    json::writer& out,
    const worker_process& worker,
    const worker_pool::slot& slot,
    time_point now
) {
    out.begin_object();
    out.key("slot").unsigned_integer(worker.slot);
    out.key("pid").integer(worker.pid);
    out.key("generation").unsigned_integer(worker.plan->generation);
    out.key("build").string(worker.build);
    out.key("state").string(text_of(worker.now_is));
    out.key("uptime_ms").integer(milliseconds_between(worker.started, now));
    write_history(out, slot);
    const core::worker_figures& figures = worker.line.figures();
    out.key("memory_bytes").unsigned_integer(figures.private_bytes);
    out.key("connections").unsigned_integer(figures.connections);
    out.key("requests").unsigned_integer(figures.requests);
    out.key("heartbeat_age_ms");
    if (const time_point last = figures.last_beat(now); last == time_point{}) {
        out.null();
    } else {
        out.integer(milliseconds_between(last, now));
    }
    out.key("stats");
    const std::string stats = printable_json(worker.line.stats().value_or(std::string{}));
    const bool is_short = stats.size() <= core::worker_text::bytes_max;
    if (json::object said; is_short && said.parse(stats)) {
        out.raw(said.text());
    } else {
        out.null();
    }
    out.end_object();
}

void write_empty_slot(json::writer& out, const worker_pool& of, std::size_t index, time_point now) {
    const worker_pool::slot& slot = of.slots()[index];
    const bool waits = slot.start_at && !of.is_stopping();
    const bool has_stopped = slot.is_stopped || (slot.start_at && of.is_stopping());
    out.begin_object();
    out.key("slot").unsigned_integer(index);
    out.key("pid").null();
    out.key("state").string(waits ? "waiting" : has_stopped ? "stopped" : "failed");
    write_history(out, slot);
    if (waits) {
        out.key("retry_in_ms").integer(deadline{*slot.start_at}.left(now).count());
    }
    out.end_object();
}

void write_pool(json::writer& out, const worker_pool& of, time_point now) {
    out.begin_object();
    out.key("name").string(of.name());
    out.key("state").string(state_of(of));
    out.key("host").string(of.host());
    out.key("port").unsigned_integer(of.port());
    out.key("workers").unsigned_integer(of.slots().size());
    out.key("ready").unsigned_integer(of.ready_slots());
    out.key("slots").begin_array();
    for (std::size_t index = 0; index < of.slots().size(); ++index) {
        bool is_empty = true;
        for (const worker_process& worker : of.workers()) {
            if (worker.slot == index) {
                write_worker(out, worker, of.slots()[index], now);
                // A worker that leaves has a successor, unless the whole pool stops.
                is_empty = is_empty && worker.is_ending() && !of.is_stopping();
            }
        }
        if (is_empty) {
            write_empty_slot(out, of, index, now);
        }
    }
    // Workers of slots that were removed by scaling.
    for (const worker_process& worker : of.workers()) {
        if (worker.slot >= of.slots().size()) {
            write_worker(out, worker, {}, now);
        }
    }
    out.end_array();
    out.end_object();
}

} // namespace

std::string
status_json(const instance_facts& instance, const std::list<worker_pool>& pools, time_point now) {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("pid").integer(getpid());
    out.key("version").string(build_name());
    out.key("state").string(instance.state);
    out.key("uptime_ms").integer(milliseconds_between(instance.started, now));
    out.key("memory_bytes").unsigned_integer(private_memory_bytes());
    out.key("program").string(instance.program);
    out.key("roll");
    instance.rolls.write(out);
    out.key("reload");
    instance.reloads.write(out);
    out.key("upgrade");
    instance.upgrades.write(out);
    out.key("faults");
    write_faults(out, instance.faults, now);
    out.key("pools").begin_array();
    for (const worker_pool& each : pools) {
        write_pool(out, each, now);
    }
    out.end_array();
    out.end_object();
    return text;
}

std::string status_line(const instance_facts& instance, const std::list<worker_pool>& pools) {
    std::size_t workers = 0;
    std::size_t ready = 0;
    std::string lacking;
    for (const worker_pool& each : pools) {
        workers += each.slots().size();
        ready += each.ready_slots();
        if (!each.is_ready()) {
            lacking += fmt::format(
                "{} {} {}/{}",
                lacking.empty() ? ":" : ",",
                each.name(),
                each.ready_slots(),
                each.slots().size()
            );
        }
    }
    std::string line =
        fmt::format("{}, {} of {} workers ready{}", instance.state, ready, workers, lacking);
    if (const std::string roll = instance.rolls.summary(); !roll.empty()) {
        line += "; " + roll;
    }
    return line;
}

std::string_view state_of(const worker_pool& of) {
    if (of.is_stopping()) {
        return "stopping";
    }
    if (of.is_ready()) {
        return "ready";
    }
    return of.is_degraded() ? "degraded" : "starting";
}

} // namespace msd::process
