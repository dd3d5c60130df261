// SPDX-License-Identifier: Apache-2.0
// msd fault add, list, clear: faults that workers inject into their requests, for tests.
#include "app/endpoint.hpp"
#include "app/instance_search.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/status_reading.hpp"
#include "app/terminal_commands.hpp"
#include "app/text_table.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "process/control_client.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

constexpr milliseconds master_timeout{5000};
constexpr std::int64_t units_max = 1'000'000;

// "200ms", "60s", "5m", "1h" in milliseconds. errc::invalid otherwise.
result<std::int64_t> read_duration(std::string_view flag, std::string_view text) {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, failure] = std::from_chars(text.data(), end, number);
    const std::string_view unit{stopped, static_cast<std::size_t>(end - stopped)};
    for (const auto& [name, factor] : units) {
        if (failure == std::errc{} && unit == name && number >= 0 && number <= units_max) {
            return number * factor;
        }
    }
    return fail(
        errc::invalid,
        fmt::format("--{} {}: write a time such as 200ms, 60s, 5m or 1h", flag, text)
    );
}

result<std::string> request_for(const command_line& command) {
    const command_line::fault_options& wanted = command.fault;
    std::string text;
    json::writer out{text};
    out.begin_object().key("command").string("fault").key("do").string(command.control);
    if (!wanted.service.empty()) {
        out.key("service").string(wanted.service);
    }
    if (wanted.id != 0) {
        out.key("id").integer(wanted.id);
    }
    if (!wanted.endpoint.empty()) {
        const auto endpoint = parse_endpoint(wanted.endpoint, endpoint_port::required);
        if (!endpoint) {
            return fail(errc::invalid, "--endpoint: " + endpoint.error().text);
        }
        out.key("endpoint").string(endpoint_text(*endpoint));
    }
    const std::array<std::pair<std::string_view, const std::string*>, 2> times{
        {{"delay", &wanted.delay}, {"for", &wanted.lasts}}};
    for (const auto& [name, typed] : times) {
        if (typed->empty()) {
            continue;
        }
        const auto time = read_duration(name, *typed);
        if (!time) {
            return tl::unexpected{time.error()};
        }
        out.key(fmt::format("{}_ms", name)).integer(*time);
    }
    if (wanted.error != 0) {
        out.key("error").integer(wanted.error);
    }
    if (wanted.aborts) {
        out.key("abort").boolean(true);
    }
    if (wanted.lose_after) {
        out.key("lose_after").integer(*wanted.lose_after);
    }
    if (wanted.percent != 0) {
        out.key("percent").integer(wanted.percent);
    }
    out.end_object();
    return text;
}

// How a try with this fault ends.
std::string end_of(const json::object& fault) {
    if (const std::int64_t error = number_of(fault, "error"); error != 0) {
        return fmt::format("error {}", error);
    }
    if (fault.find("lose_after") != nullptr) {
        return fmt::format("lost after {} bytes", number_of(fault, "lose_after"));
    }
    const json::value* const aborts = fault.find("abort");
    return aborts != nullptr && aborts->as_bool().value_or(false) ? "abort" : "-";
}

void print_faults(const json::object& answer) {
    text_table table{{"ID", "SERVICE", "ENDPOINT", "DELAY", "END", "PERCENT", "LEFT"}};
    for (const json::value& each : elements_of(answer, "faults")) {
        json::object fault;
        if (!fault.parse(each.text)) {
            continue;
        }
        const std::int64_t delay = number_of(fault, "delay_ms");
        const std::string endpoint = text_of(fault, "endpoint");
        table.add(
            {std::to_string(number_of(fault, "id")),
             text_of(fault, "service"),
             endpoint.empty() ? "all" : endpoint,
             delay == 0 ? "-" : fmt::format("{} ms", delay),
             end_of(fault),
             std::to_string(number_of(fault, "percent")),
             fmt::format("{} s", (number_of(fault, "left_ms") + 999) / 1000)}
        );
    }
    print_table(table);
}

} // namespace

int inject_fault(const command_line& command, const configuration& configured) {
    const auto request = request_for(command);
    if (!request) {
        log::complain(request.error().text);
        return exit_usage;
    }
    const auto chosen = choose_instance(command, configured, master_timeout);
    if (!chosen) {
        log::complain(chosen.error().text);
        return exit_failed;
    }
    const auto answer = process::ask_master(chosen->path, *request, deadline::in(master_timeout));
    json::object done;
    if (!answer || !done.parse(*answer)) {
        log::complain(answer ? "the answer cannot be read" : answer.error().text);
        return exit_failed;
    }
    if (const std::string why = text_of(done, "error"); !why.empty()) {
        log::complain(why);
        return exit_failed;
    }
    if (command.as_json) {
        const json::value* const faults = done.find("faults");
        print_json(faults == nullptr ? "[]" : std::string{faults->text});
    } else {
        print_faults(done);
    }
    return 0;
}

} // namespace msd::app
