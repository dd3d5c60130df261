// SPDX-License-Identifier: Apache-2.0
#include "tally.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace load {

namespace {

constexpr std::array<std::string_view, failure_kinds> names{
    "refused",
    "unconnected",
    "reset",
    "unanswered",
    "truncated",
    "malformed",
    "wrong_status",
    "wrong_body",
    "timeout",
};

// Limit of the failures that are listed. All failures are counted.
constexpr std::size_t failures_max = 20'000;

// Names of groups and phases need no escaping.
void key(std::string& out, std::string_view name) {
    if (!out.empty() && out.back() != '{' && out.back() != '[') {
        out += ',';
    }
    out.append("\"").append(name).append("\":");
}

void member(std::string& out, std::string_view name, std::uint64_t value) {
    key(out, name);
    out += std::to_string(value);
}

void member(std::string& out, std::string_view name, std::string_view value) {
    key(out, name);
    out.append("\"").append(value).append("\"");
}

void begin_element(std::string& out) {
    if (out.back() != '[') {
        out += ',';
    }
    out += '{';
}

std::uint32_t percentile(const std::vector<std::uint32_t>& sorted, std::size_t of_1000) {
    if (sorted.empty()) {
        return 0;
    }
    return sorted[std::min(sorted.size() - 1, sorted.size() * of_1000 / 1000)];
}

} // namespace

micros now_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<micros>(now.tv_sec) * 1'000'000 + static_cast<micros>(now.tv_nsec) / 1000;
}

tally::tally(const std::vector<group>& groups)
    : groups_{groups},
      started_{now_us()},
      counts_(groups.size()) {
    begin_phase("first");
}

void tally::begin_phase(std::string_view name) {
    phases_.emplace_back().name = name;
    phases_.back().began = now_us();
}

void tally::answered(std::size_t group, micros latency) {
    ++counts_[group].answered;
    ++phases_.back().answered;
    counts_[group].latencies.push_back(static_cast<std::uint32_t>(latency));
}

void tally::failed(failed_request what) {
    ++counts_[what.group].failed[static_cast<std::size_t>(what.kind)];
    ++phases_.back().failed;
    what.at = now_us() - started_;
    if (failures_.size() < failures_max) {
        failures_.push_back(what);
    }
}

std::string
tally::report(const std::vector<std::vector<std::uint64_t>>& requests, std::size_t open) const {
    std::string out{"{"};
    member(out, "seconds_us", now_us() - started_);
    member(out, "open", open);
    key(out, "phases");
    write_phases(out);
    key(out, "groups");
    out += '[';
    for (std::size_t index = 0; index < groups_.size(); ++index) {
        begin_element(out);
        write_group(out, index);
        key(out, "requests");
        out += '[';
        for (const std::uint64_t used : requests[index]) {
            out += (out.back() == '[' ? "" : ",") + std::to_string(used);
        }
        out += "]}";
    }
    out += ']';
    key(out, "failures");
    write_failures(out);
    out += "}\n";
    return out;
}

void tally::write_phases(std::string& out) const {
    out += '[';
    for (std::size_t index = 0; index < phases_.size(); ++index) {
        const phase& each = phases_[index];
        const bool is_last = index + 1 == phases_.size();
        const micros end = is_last ? now_us() : phases_[index + 1].began;
        begin_element(out);
        member(out, "name", each.name);
        member(out, "us", end - each.began);
        member(out, "answered", each.answered);
        member(out, "failed", each.failed);
        out += '}';
    }
    out += ']';
}

void tally::write_group(std::string& out, std::size_t index) const {
    const count& of = counts_[index];
    member(out, "name", groups_[index].name);
    member(out, "answered", of.answered);
    member(out, "again", of.again);
    member(out, "connections", of.connections);
    key(out, "failed");
    out += '{';
    for (std::size_t kind = 0; kind < failure_kinds; ++kind) {
        member(out, names[kind], of.failed[kind]);
    }
    out += '}';
    std::vector<std::uint32_t> sorted = of.latencies;
    std::sort(sorted.begin(), sorted.end());
    member(out, "p50_us", percentile(sorted, 500));
    member(out, "p99_us", percentile(sorted, 990));
    member(out, "max_us", sorted.empty() ? 0 : sorted.back());
}

void tally::write_failures(std::string& out) const {
    out += '[';
    for (const failed_request& each : failures_) {
        begin_element(out);
        member(out, "at_us", each.at);
        member(out, "group", groups_[each.group].name);
        member(out, "client", static_cast<std::uint64_t>(each.client));
        member(out, "number", each.number);
        member(out, "kind", names[static_cast<std::size_t>(each.kind)]);
        member(out, "detail", static_cast<std::uint64_t>(each.detail));
        member(out, "local_port", static_cast<std::uint64_t>(each.local_port));
        member(out, "after_us", each.after);
        out += '}';
    }
    out += ']';
}

} // namespace load
