// SPDX-License-Identifier: Apache-2.0
#include "app/status_table.hpp"

#include "app/text_table.hpp"
#include "base/json.hpp"
#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace msd::app {

namespace {

std::string text_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value == nullptr ? "" : value->as_string().value_or("");
}

std::int64_t number_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value == nullptr ? 0 : value->as_int64().value_or(0);
}

std::vector<json::value> elements_of(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    const auto read =
        value == nullptr ? result<std::vector<json::value>>{} : json::elements(value->text);
    return read.value_or(std::vector<json::value>{});
}

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

std::vector<std::string>
row_of(const std::string& pool, const std::string& address, const json::object& slot) {
    const std::int64_t pid = number_of(slot, "pid");
    const std::string last_exit = text_of(slot, "last_exit");
    return {
        fmt::format("{}/{}", pool, number_of(slot, "slot")),
        address,
        pid == 0 ? "-" : std::to_string(pid),
        text_of(slot, "state"),
        pid == 0 ? "-" : duration(number_of(slot, "uptime_ms")),
        pid == 0 ? "-" : std::to_string(number_of(slot, "generation")),
        std::to_string(number_of(slot, "restarts")),
        pid == 0 ? "-" : mebibytes(number_of(slot, "memory_bytes")),
        last_exit.empty() ? "-" : last_exit};
}

} // namespace

std::string status_table(std::string_view instance, std::string_view status, bool colours) {
    json::object fields;
    if (!fields.parse(status)) {
        return fmt::format("{}: cannot be read\n", instance);
    }
    text_table table{
        {"SLOT", "ADDRESS", "PID", "STATE", "UP", "GEN", "RESTARTS", "MEMORY", "LAST EXIT"}};
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
        "{}: {}, pid {}, version {}, up {}, master {}\n{}",
        instance,
        text_of(fields, "state"),
        number_of(fields, "pid"),
        text_of(fields, "version"),
        duration(number_of(fields, "uptime_ms")),
        mebibytes(number_of(fields, "memory_bytes")),
        table.text(colours)
    );
}

} // namespace msd::app
