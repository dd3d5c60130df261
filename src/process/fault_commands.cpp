// SPDX-License-Identifier: Apache-2.0
#include "process/fault_commands.hpp"

#include "base/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace msd::process {

namespace {

using core::fault;
using core::fault_board;

constexpr milliseconds duration_max{86'400'000};
constexpr milliseconds duration_standard{60'000};
constexpr auto lose_after_max = static_cast<std::int64_t>(fault::lose_after_max);
constexpr std::int64_t error_least = 400;
constexpr std::int64_t error_most = 599;

std::string text_of(const json::object& command, const char* name) {
    const json::value* const value = command.find(name);
    return value == nullptr ? std::string{} : value->as_string().value_or("");
}

// `otherwise` when it is not there. errc::invalid: not between `least` and `most`.
result<std::int64_t> number_of(
    const json::object& command,
    const char* name,
    std::int64_t least,
    std::int64_t most,
    std::int64_t otherwise
) {
    const json::value* const value = command.find(name);
    if (value == nullptr) {
        return otherwise;
    }
    const auto number = value->as_int64();
    if (!number || *number < least || *number > most) {
        return fail(errc::invalid, fmt::format("{} is not between {} and {}", name, least, most));
    }
    return *number;
}

result<fault> read_fault(const json::object& command, time_point now) {
    fault made;
    made.service = text_of(command, "service");
    if (made.service.empty() || made.service.size() > fault::service_bytes_max) {
        return fail(errc::invalid, "a fault needs the name of a service");
    }
    made.endpoint = text_of(command, "endpoint");
    if (made.endpoint.size() > fault::endpoint_bytes_max) {
        return fail(errc::invalid, "the endpoint is too long");
    }
    const auto delay = number_of(command, "delay_ms", 0, fault::delay_max.count(), 0);
    const auto error = number_of(command, "error", error_least, error_most, 0);
    const auto percent = number_of(command, "percent", 1, fault::percent_max, fault::percent_max);
    const auto lasts =
        number_of(command, "for_ms", 1, duration_max.count(), duration_standard.count());
    const auto lose_after = number_of(command, "lose_after", 0, lose_after_max, -1);
    for (const auto* const each : {&delay, &error, &percent, &lasts, &lose_after}) {
        if (!*each) {
            return tl::unexpected{each->error()};
        }
    }
    const json::value* const aborts = command.find("abort");
    made.delay = milliseconds{*delay};
    made.error = static_cast<int>(*error);
    made.aborts = aborts != nullptr && aborts->as_bool().value_or(false);
    if (*lose_after >= 0) {
        made.lose_after = static_cast<std::uint64_t>(*lose_after);
    }
    made.percent = static_cast<unsigned>(*percent);
    made.until = now + milliseconds{*lasts};
    const int ends = int{made.error != 0} + int{made.aborts} + int{made.lose_after.has_value()};
    if (made.delay == milliseconds{0} && ends == 0) {
        return fail(errc::invalid, "a fault needs a delay, an error, an abort or lost bytes");
    }
    if (ends > 1) {
        return fail(errc::invalid, "a try has one end: an error, an abort or lost bytes");
    }
    return made;
}

std::string list_answer(const fault_board& board, time_point now) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("ok").boolean(true).key("faults");
    write_faults(out, board, now);
    out.end_object();
    return text;
}

result<void> add(const json::object& command, fault_board& board, time_point now) {
    auto made = read_fault(command, now);
    if (!made) {
        return tl::unexpected{std::move(made.error())};
    }
    std::vector<fault> all = board.read(now);
    if (all.size() >= fault_board::faults_max) {
        return fail(
            errc::invalid,
            fmt::format("there are {} faults already: clear some", fault_board::faults_max)
        );
    }
    made->id = 1;
    for (const fault& each : all) {
        made->id = std::max(made->id, each.id + 1);
    }
    log::warning(
        "fault {} is injected into requests for {}{}{}: {}",
        made->id,
        made->service,
        made->endpoint.empty() ? "" : " at ",
        made->endpoint,
        core::fault_text(*made)
    );
    all.push_back(std::move(*made));
    board.write(all);
    return {};
}

result<void> clear(const json::object& command, fault_board& board, time_point now) {
    const auto id = number_of(command, "id", 1, UINT32_MAX, 0);
    if (!id) {
        return tl::unexpected{id.error()};
    }
    const std::string service = text_of(command, "service");
    std::vector<fault> all = board.read(now);
    const std::size_t cleared = std::erase_if(all, [&](const fault& each) {
        return (*id == 0 || each.id == *id) && (service.empty() || each.service == service);
    });
    if (cleared == 0 && (*id != 0 || !service.empty())) {
        return fail(errc::not_found, "there is no such fault");
    }
    if (cleared != 0) {
        log::info("{} injected faults are cleared", cleared);
    }
    board.write(all);
    return {};
}

} // namespace

result<std::string> answer_fault(const json::object& command, fault_board& board, time_point now) {
    const std::string what = text_of(command, "do");
    result<void> done;
    if (what == "add") {
        done = add(command, board, now);
    } else if (what == "clear") {
        done = clear(command, board, now);
    } else if (what != "list") {
        done = fail(errc::invalid, "faults can be added, listed and cleared");
    }
    if (!done) {
        return tl::unexpected{std::move(done.error())};
    }
    return list_answer(board, now);
}

void write_faults(json::writer& out, const fault_board& board, time_point now) {
    out.begin_array();
    for (const fault& each : board.read(now)) {
        out.begin_object();
        out.key("id").unsigned_integer(each.id);
        out.key("service").string(each.service);
        if (!each.endpoint.empty()) {
            out.key("endpoint").string(each.endpoint);
        }
        out.key("delay_ms").integer(each.delay.count());
        out.key("error").integer(each.error);
        out.key("abort").boolean(each.aborts);
        if (each.lose_after) {
            out.key("lose_after").unsigned_integer(*each.lose_after);
        }
        out.key("percent").unsigned_integer(each.percent);
        out.key("left_ms").integer(deadline{each.until}.left(now).count());
        out.end_object();
    }
    out.end_array();
}

} // namespace msd::process
