// SPDX-License-Identifier: Apache-2.0
#include "app/status_table.hpp"

#include "app/status_reading.hpp"
#include "app/text_table.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace msd::app {

namespace {

std::string duration(std::int64_t span_ms) {
    const std::int64_t seconds = span_ms / 1000;
    if (seconds < 60) {
        return fmt::format("{}.{}s", seconds, span_ms % 1000 / 100);
    }
    if (seconds < 3600) {
        return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    }
    if (seconds < 86'400) {
        return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
    }
    return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string mebibytes(std::int64_t bytes) {
    return fmt::format("{:.1f}M", static_cast<double>(bytes) / (1024 * 1024));
}

// "-" where there is no process or no value.
std::string or_dash(bool is_there, std::string text) {
    return is_there && !text.empty() ? std::move(text) : "-";
}

std::string state_of(const json::object& slot) {
    const std::string state = text_of(slot, "state");
    const bool waits = slot.find("retry_in_ms") != nullptr;
    return waits ? fmt::format("{} {}", state, duration(number_of(slot, "retry_in_ms"))) : state;
}

// Null: the event loop has not run yet.
std::string heartbeat_of(const json::object& slot) {
    const json::value* const age = slot.find("heartbeat_age_ms");
    return age == nullptr || !age->as_int64() ? "" : duration(*age->as_int64());
}

std::vector<std::string>
row_of(const std::string& pool, const std::string& address, const json::object& slot) {
    const std::int64_t pid = number_of(slot, "pid");
    const bool runs = pid != 0;
    return {
        fmt::format("{}/{}", pool, number_of(slot, "slot")),
        address,
        or_dash(runs, std::to_string(pid)),
        state_of(slot),
        or_dash(runs, duration(number_of(slot, "uptime_ms"))),
        or_dash(runs, std::to_string(number_of(slot, "generation"))),
        or_dash(runs, text_of(slot, "build")),
        or_dash(runs, mebibytes(number_of(slot, "memory_bytes"))),
        or_dash(runs, std::to_string(number_of(slot, "connections"))),
        or_dash(runs, std::to_string(number_of(slot, "requests"))),
        or_dash(runs, heartbeat_of(slot)),
        std::to_string(number_of(slot, "restarts")),
        or_dash(true, text_of(slot, "last_exit"))};
}

// The text of a field outside of the table.
std::string shown_of(const json::object& from, std::string_view name) {
    return printable(text_of(from, name));
}

// A line about a roll or an upgrade that is in progress or has failed; empty when it is done.
std::string news_of(std::string_view what, const json::object& status) {
    const json::value* const value = status.find(what);
    json::object fields;
    if (value == nullptr || !fields.parse(value->text)) {
        return {};
    }
    const std::string state = shown_of(fields, "state");
    if (state.empty() || state == "idle" || state == "done") {
        return {};
    }
    const std::string reason = shown_of(fields, "reason");
    const std::string slot = shown_of(fields, "slot");
    return fmt::format(
        "{} {}: {}{}{}{}{}\n",
        what,
        number_of(fields, "id"),
        state,
        slot.empty() ? "" : ", ",
        slot.empty() ? "" : fmt::format("{} is {}", slot, shown_of(fields, "phase")),
        reason.empty() ? "" : ": ",
        reason
    );
}

// A line for each fault that is injected.
std::string faults_of(const json::object& status) {
    std::string text;
    for (const json::value& each : elements_of(status, "faults")) {
        json::object fields;
        if (!fields.parse(each.text)) {
            continue;
        }
        text += fmt::format(
            "fault {}: in {} % of the requests for {}{}{}, for {}\n",
            number_of(fields, "id"),
            number_of(fields, "percent"),
            shown_of(fields, "service"),
            fields.find("endpoint") == nullptr ? "" : " at ",
            shown_of(fields, "endpoint"),
            duration(number_of(fields, "left_ms"))
        );
    }
    return text;
}

} // namespace

std::string status_table(std::string_view instance, std::string_view status, bool colours) {
    json::object fields;
    if (!fields.parse(status)) {
        return fmt::format("{}: cannot be read\n", printable(instance));
    }
    text_table table{
        {"SLOT",
         "ADDRESS",
         "PID",
         "STATE",
         "UP",
         "GEN",
         "BUILD",
         "MEMORY",
         "CONNS",
         "REQUESTS",
         "BEAT",
         "RESTARTS",
         "LAST EXIT"}};
    for (const json::value& each : elements_of(fields, "pools")) {
        json::object pool;
        if (!pool.parse(each.text)) {
            continue;
        }
        const auto port = static_cast<std::uint16_t>(number_of(pool, "port"));
        const std::string address = process::endpoint_text(text_of(pool, "host"), port);
        for (const json::value& one : elements_of(pool, "slots")) {
            json::object slot;
            if (slot.parse(one.text)) {
                table.add(row_of(text_of(pool, "name"), address, slot));
            }
        }
    }
    return fmt::format(
        "{}: {}, pid {}, version {}, up {}, master {}\n{}{}{}{}",
        printable(instance),
        shown_of(fields, "state"),
        number_of(fields, "pid"),
        shown_of(fields, "version"),
        duration(number_of(fields, "uptime_ms")),
        mebibytes(number_of(fields, "memory_bytes")),
        news_of("roll", fields),
        news_of("upgrade", fields),
        faults_of(fields),
        table.text(colours)
    );
}

} // namespace msd::app
