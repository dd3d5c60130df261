// SPDX-License-Identifier: Apache-2.0
#include "process/status.hpp"

#include "base/json.hpp"
#include "base/version.hpp"

#include <unistd.h>

#include <chrono>

namespace msd::process {

namespace {

std::int64_t milliseconds_between(time_point from, time_point to) {
    return std::chrono::duration_cast<milliseconds>(to - from).count();
}

void write_history(json::writer& out, const pool::slot& slot) {
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
    const pool::slot& slot,
    time_point now
) {
    out.begin_object();
    out.key("slot").unsigned_integer(worker.slot);
    out.key("pid").integer(worker.pid);
    out.key("generation").unsigned_integer(worker.generation);
    out.key("state").string(text_of(worker.now_is));
    out.key("uptime_ms").integer(milliseconds_between(worker.started, now));
    write_history(out, slot);
    out.key("memory_bytes").unsigned_integer(private_memory_bytes(worker.pid));
    out.end_object();
}

void write_empty_slot(
    json::writer& out,
    std::size_t index,
    const pool::slot& slot,
    time_point now
) {
    out.begin_object();
    out.key("slot").unsigned_integer(index);
    out.key("pid").null();
    out.key("state").string(slot.start_at ? "waiting" : "failed");
    write_history(out, slot);
    if (slot.start_at) {
        out.key("retry_in_ms").integer(deadline{*slot.start_at}.left(now).count());
    }
    out.end_object();
}

void write_pool(json::writer& out, const pool& of, time_point now) {
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
                is_empty = false;
            }
        }
        if (is_empty) {
            write_empty_slot(out, index, of.slots()[index], now);
        }
    }
    out.end_array();
    out.end_object();
}

} // namespace

std::string
status_json(const instance_facts& instance, const std::list<pool>& pools, time_point now) {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("pid").integer(getpid());
    out.key("version").string(version());
    out.key("state").string(instance.state);
    out.key("uptime_ms").integer(milliseconds_between(instance.started, now));
    out.key("memory_bytes").unsigned_integer(private_memory_bytes(getpid()));
    out.key("pools").begin_array();
    for (const pool& each : pools) {
        write_pool(out, each, now);
    }
    out.end_array();
    out.end_object();
    return text;
}

std::string_view state_of(const pool& of) {
    if (of.is_stopping()) {
        return "stopping";
    }
    if (of.is_ready()) {
        return "ready";
    }
    return of.was_ever_ready() ? "degraded" : "starting";
}

} // namespace msd::process
