// SPDX-License-Identifier: Apache-2.0
#include "app/explain_text.hpp"

#include "app/output.hpp"
#include "app/status_reading.hpp"
#include "app/text_table.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

std::string milliseconds_text(std::int64_t microseconds) {
    constexpr double us_per_ms = 1000;
    return microseconds == 0
               ? "-"
               : fmt::format("{:.1f} ms", static_cast<double>(microseconds) / us_per_ms);
}

bool is_true(const json::object& from, std::string_view name) {
    const json::value* const value = from.find(name);
    return value != nullptr && value->as_bool().value_or(false);
}

std::string number_text(const json::object& from, std::string_view name, std::string_view none) {
    const json::value* const value = from.find(name);
    const auto number = value == nullptr ? std::nullopt : value->as_int64();
    return number ? std::to_string(*number) : std::string{none};
}

std::string route_text(const json::object& answer) {
    const json::object route = object_of(answer, "route");
    std::string text = fmt::format(
        "{}, {} of the {}",
        text_of(route, "path"),
        text_of(route, "fits_as"),
        text_of(route, "from")
    );
    if (const std::string source = text_of(route, "source"); !source.empty()) {
        text += fmt::format(" ({})", source);
    }
    if (const std::string name = text_of(route, "name");
        !name.empty() && name != text_of(route, "path")) {
        text += fmt::format(", named {}", name);
    }
    for (const json::value& host : elements_of(route, "hosts")) {
        text += fmt::format(", for the host {}", host.as_string().value_or(""));
    }
    return text;
}

void add_time(text_table& table, const json::object& policies) {
    const json::object times = object_of(policies, "timeout_ms");
    if (times.empty()) {
        return;
    }
    std::string limits;
    for (const auto& [name, text] :
         {std::pair{"request", "request"},
          std::pair{"connect", "connect"},
          std::pair{"first_byte", "first byte"},
          std::pair{"between_bytes", "between bytes"}}) {
        if (times.find(name) != nullptr) {
            limits +=
                fmt::format("{}{} {} ms", limits.empty() ? "" : ", ", text, number_of(times, name));
        }
    }
    const bool is_limited = times.find("try") != nullptr;
    table.add(
        {"timeout",
         limits.empty() ? "none" : limits,
         is_limited ? fmt::format("a try {} ms", number_of(times, "try")) : "-"}
    );
}

void add_retry(text_table& table, const json::object& policies) {
    const json::object retry = object_of(policies, "retry");
    if (retry.empty()) {
        return;
    }
    table.add(
        {"retry",
         fmt::format(
             "{} further tries, {}, budget {} %",
             number_of(retry, "tries"),
             is_true(retry, "is_repeatable") ? "the method is repeatable"
                                             : "only of what was not executed",
             number_of(retry, "budget_percent")
         ),
         fmt::format("{} left in the budget", number_of(retry, "budget_left"))}
    );
}

void add_breaker(text_table& table, const json::object& policies) {
    const json::object breaker = object_of(policies, "breaker");
    if (breaker.empty()) {
        return;
    }
    std::string now = fmt::format(
        "{}, {} of {} failed, {} slow",
        text_of(breaker, "state"),
        number_of(breaker, "failed"),
        number_of(breaker, "requests"),
        number_of(breaker, "slow")
    );
    if (breaker.find("left_ms") != nullptr) {
        now += fmt::format(", {} ms left", number_of(breaker, "left_ms"));
    }
    table.add(
        {"breaker",
         fmt::format(
             "{}, opens at {} % failures or {} % slow of {} requests",
             text_of(breaker, "mode"),
             number_of(breaker, "failures_percent"),
             number_of(breaker, "slow_percent"),
             number_of(breaker, "requests_min")
         ),
         now}
    );
}

void add_bulkhead(text_table& table, const json::object& policies) {
    const json::object bulkhead = object_of(policies, "bulkhead");
    if (bulkhead.empty()) {
        return;
    }
    table.add(
        {"bulkhead",
         fmt::format(
             "{} requests, {} of an instance, queue {} for {} ms",
             number_text(bulkhead, "requests_max", "any number of"),
             number_text(bulkhead, "per_endpoint_max", "any number"),
             number_of(bulkhead, "queue_max"),
             number_of(bulkhead, "queue_ms")
         ),
         fmt::format(
             "{} running, {} waiting",
             number_of(bulkhead, "running"),
             number_of(bulkhead, "waiting")
         )}
    );
}

void add_rest(text_table& table, const json::object& policies) {
    if (const json::object outlier = object_of(policies, "outlier"); !outlier.empty()) {
        const std::int64_t errors = number_of(outlier, "consecutive");
        table.add(
            {"ejection",
             errors == 0 ? std::string{"off"}
                         : fmt::format(
                               "after {} errors in a row, {} ms",
                               errors,
                               number_of(outlier, "eject_ms")
                           ),
             "see below"}
        );
    }
    if (const json::object limit = object_of(policies, "limit"); !limit.empty()) {
        const bool is_shared = text_of(limit, "store") != "host";
        table.add(
            {"limit",
             fmt::format(
                 "{}, burst {}, of {}",
                 text_of(limit, "rate"),
                 number_of(limit, "burst"),
                 text_of(limit, "of")
             ),
             fmt::format(
                 "{}: {}",
                 text_of(limit, "key"),
                 is_shared ? std::string{"counted in Redis"}
                           : fmt::format("{} left", number_of(limit, "left"))
             )}
        );
    } else {
        table.add({"limit", "none", "-"});
    }
    const json::object fallback = object_of(policies, "fallback");
    if (fallback.empty()) {
        table.add({"fallback", "none", "-"});
    }
    if (const auto* const age = fallback.find("stale_max_ms"); age != nullptr) {
        table.add({"fallback", fmt::format("a reply of at most {} ms before", age->text), "-"});
    }
    if (const std::string other = text_of(fallback, "service"); !other.empty()) {
        table.add({"fallback", fmt::format("service {}", other), "-"});
    }
    if (fallback.find("status") != nullptr) {
        table.add({"fallback", fmt::format("a fixed reply, {}", number_of(fallback, "status")), "-"}
        );
    }
    table.add({"body", fmt::format("at most {} bytes", number_of(policies, "body_bytes_max")), "-"}
    );
    for (const json::value& each : elements_of(policies, "faults")) {
        table.add({"fault", each.as_string().value_or(""), "in force"});
    }
}

std::string candidate_state(const json::object& candidate) {
    std::string state = text_of(candidate, "state");
    if (candidate.find("left_ms") != nullptr) {
        state += fmt::format(", {} s left", (number_of(candidate, "left_ms") + 999) / 1000);
    }
    if (state == "slow start") {
        state += fmt::format(" {} %", number_of(candidate, "slow_start_percent"));
    }
    return state;
}

void print_candidates(const json::object& answer) {
    text_table table{
        {"INSTANCE",
         "STATE",
         "CONNECTION",
         "IN FLIGHT",
         "LATENCY",
         "SCORE",
         "WEIGHT",
         "ZONE",
         "CHOSEN"}};
    const auto candidates = elements_of(answer, "candidates");
    for (const json::value& each : candidates) {
        json::object one;
        if (!one.parse(each.text)) {
            continue;
        }
        const json::value* const score = one.find("score");
        const std::string connection = text_of(one, "connection");
        const std::string zone = text_of(one, "zone");
        table.add(
            {text_of(one, "address"),
             candidate_state(one),
             connection.empty() ? "-" : connection,
             std::to_string(number_of(one, "in_flight")),
             milliseconds_text(number_of(one, "latency_us")),
             score == nullptr ? "-" : std::string{score->text},
             std::to_string(number_of(one, "weight")),
             zone.empty() ? "-" : zone,
             is_true(one, "chosen") ? "now" : "-"}
        );
    }
    print_text(fmt::format(
        "\nbalance {}, p50 {}, p99 {} of the route in this worker{}\n",
        printable(text_of(answer, "balance")),
        milliseconds_text(number_of(object_of(answer, "latency"), "p50_us")),
        milliseconds_text(number_of(object_of(answer, "latency"), "p99_us")),
        is_true(answer, "is_panic") ? "; panic: too few are healthy, so all are used" : ""
    ));
    print_table(table);
    const auto left_out =
        number_of(answer, "candidates_total") - static_cast<std::int64_t>(candidates.size());
    if (left_out > 0) {
        print_text(fmt::format("and {} more\n", left_out));
    }
}

} // namespace

void print_explanation(const json::object& answer) {
    const json::object request = object_of(answer, "request");
    print_text(fmt::format(
        "{} {} of {}\n\n",
        printable(text_of(request, "method")),
        printable(text_of(request, "target")),
        printable(text_of(request, "client"))
    ));
    print_text(fmt::format("route    {}\n", printable(route_text(answer))));
    if (const std::string service = text_of(answer, "service"); !service.empty()) {
        print_text(fmt::format(
            "service  {}, reached by {}\n",
            printable(service),
            printable(text_of(answer, "protocol"))
        ));
    }
    print_text(fmt::format("outcome  {}\n\n", printable(text_of(answer, "outcome"))));
    const json::object policies = object_of(answer, "policies");
    text_table table{{"POLICY", "VALUE", "NOW"}};
    add_time(table, policies);
    add_retry(table, policies);
    add_breaker(table, policies);
    add_bulkhead(table, policies);
    add_rest(table, policies);
    print_table(table);
    if (answer.find("candidates") != nullptr) {
        print_candidates(answer);
    }
}

} // namespace msd::app
