// SPDX-License-Identifier: Apache-2.0
#include "gateway/meters.hpp"

#include "gateway/backend.hpp"

#include <algorithm>
#include <array>

namespace msd::gateway {

namespace {

using core::metric;

constexpr std::string_view other = "other";
constexpr std::string_view no_route = "none"; // as a label
constexpr std::size_t replies_max = 64;       // kinds of replies of one route that are kept

// The value of `key`, or of "other" when there are `kept_max` others already.
template <class Map>
auto& entry_of(Map& from, std::string_view key, std::size_t kept_max) {
    auto found = from.find(key);
    if (found == from.end()) {
        found = from.try_emplace(std::string{from.size() < kept_max ? key : other}).first;
    }
    return *found;
}

} // namespace

std::string_view method_label(std::string_view method) {
    constexpr std::array<std::string_view, 9> methods{
        {"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"}};
    const auto* const found = std::find(methods.begin(), methods.end(), method);
    return found == methods.end() ? other : *found;
}

std::string_view outcome_label(const exchange_record& record) {
    using enum exchange_flag;
    constexpr std::array<std::pair<exchange_flag, std::string_view>, 5> reasons{
        {{client_disconnected, "client_left"},
         {upstream_timeout, "timeout"},
         {connect_failed, "connect_failed"},
         {no_instance, "no_instance"},
         {overflow, "refused"}}};
    for (const auto& [flag, label] : reasons) {
        if (record.flags.has(flag)) {
            return label;
        }
    }
    if (record.cut != nullptr || record.has_failed) {
        return "reset";
    }
    constexpr int client_errors = 400;
    constexpr int server_errors = 500;
    return record.status >= server_errors   ? "server_error"
           : record.status >= client_errors ? "client_error"
                                            : "success";
}

meters::meters(core::metrics& within)
    : within_{within},
      in_flight_{within.cell_of(metric::http_requests_in_flight)},
      connections_{within.cell_of(metric::http_connections)},
      body_bytes_{within.cell_of(metric::http_body_bytes)},
      kept_bytes_{within.cell_of(metric::http_kept_reply_bytes)} {}

void meters::update(std::size_t connections, std::size_t body_bytes, std::size_t kept_bytes) {
    connections_.set(connections);
    body_bytes_.set(body_bytes);
    kept_bytes_.set(kept_bytes);
}

void meters::count(const counted_exchange& ended) {
    count_request(ended);
    const exchange_record& record = ended.record;
    if (record.fallback != nullptr) {
        within_.cell_of(metric::http_fallbacks, {ended.route, record.fallback}).add();
    }
    if (!ended.service.empty() && (record.attempts > 0 || record.has_failed)) {
        count_upstream(ended);
    }
}

void meters::count_request(const counted_exchange& ended) {
    const std::string_view name = ended.route.empty() ? no_route : ended.route;
    auto& [route, its] = entry_of(routes_, name, kept_max);
    if (its.replies.empty()) {
        its.durations = within_.durations_of(metric::http_request_duration, {route});
    }
    its.durations.note(ended.ended - ended.record.begun);
    const int status = ended.record.status;
    auto known = std::find_if(its.replies.begin(), its.replies.end(), [&](const auto& each) {
        return each.status == status && each.method == ended.method;
    });
    if (known == its.replies.end()) {
        const bool is_kept = its.replies.size() < replies_max;
        const std::string code = std::to_string(status);
        const auto cell = within_.cell_of(
            metric::http_requests,
            {route, ended.method, is_kept ? std::string_view{code} : other}
        );
        if (!is_kept) {
            cell.add();
            return;
        }
        known = its.replies.insert(its.replies.end(), {ended.method, status, cell});
    }
    known->cell.add();
}

void meters::count_limited(std::string_view limit, limited outcome) {
    constexpr std::array<std::string_view, 3> names{{"allowed", "refused", "store_failed"}};
    auto& [name, cells] = entry_of(limits_, limit, kept_max);
    core::metric_cell& cell = cells.at(static_cast<std::size_t>(outcome));
    if (cell == core::metric_cell{}) {
        const std::string_view said = names.at(static_cast<std::size_t>(outcome));
        cell = within_.cell_of(metric::ratelimit_requests, {name, said});
    }
    cell.add();
}

// Sets the entries of this exchange.
void meters::find_instance(const counted_exchange& ended) {
    auto& [service, its] = entry_of(services_, ended.service, kept_max);
    const std::size_t before = its.instances.size();
    const std::size_t room = before + (kept_max - std::min(kept_max, instances_kept_));
    last_instance_ = &entry_of(its.instances, ended.record.endpoint, room);
    instances_kept_ += its.instances.size() - before;
    last_service_ = &service;
}

void meters::count_upstream(const counted_exchange& ended) {
    const exchange_record& record = ended.record;
    const bool is_as_before = last_service_ != nullptr && *last_service_ == ended.service &&
                              last_instance_->first == record.endpoint;
    if (!is_as_before) {
        find_instance(ended);
    }
    auto& [instance, outcomes] = *last_instance_;
    const std::string_view outcome = outcome_label(record);
    auto known = std::find_if(outcomes.begin(), outcomes.end(), [outcome](const auto& each) {
        return each.outcome == outcome;
    });
    if (known == outcomes.end()) {
        known = outcomes.insert(
            outcomes.end(),
            {outcome,
             within_.cell_of(metric::upstream_requests, {*last_service_, instance, outcome})}
        );
    }
    known->cell.add();
}

} // namespace msd::gateway
