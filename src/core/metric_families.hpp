// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// Every metric of msd with its name, its text, its labels and the most series that it may have.
// core/metrics.hpp counts them, core/metrics_text.hpp writes them for Prometheus.
namespace msd::core {

enum class metric : std::uint8_t {
    build_info,
    pool_slots,
    pool_slots_ready,
    workers,
    worker_restarts,
    worker_connections,
    worker_requests,
    worker_input_bytes,
    worker_input_ended,
    worker_bad_input,
    worker_unproven_refused,
    worker_log_lines_dropped,
    worker_figure,
    http_requests,
    http_request_duration,
    http_requests_in_flight,
    http_connections,
    http_body_bytes,
    http_fallbacks,
    http_kept_reply_bytes,
    upstream_requests,
    upstream_retries,
    upstream_retries_refused,
    upstream_requests_in_flight,
    upstream_try_duration,
    breaker_state,
    breaker_transitions,
    outlier_ejected,
    outlier_ejections,
    bulkhead_running,
    bulkhead_waiting,
    bulkhead_refused,
    ratelimit_requests,
    service_requests,
    service_requests_in_flight,
    service_streams,
    service_handler_failures,
    registry_nodes,
    registry_epoch,
    registry_revision,
    registry_routes,
    registry_registrations,
    end_of_list
};

enum class metric_kind : std::uint8_t {
    counter,   // only grows; the counts of workers that have ended stay
    gauge,     // a state; that of a worker that has ended does not count
    durations, // a histogram of seconds; like a counter
    // A state that all workers share and each of them publishes (shared_gauges): the largest of the
    // values that running workers have.
    shared_gauge,
};

struct metric_family {
    static constexpr std::size_t labels_max = 3;

    metric which = metric::end_of_list;
    std::string_view name;
    metric_kind kind = metric_kind::counter;
    std::array<std::string_view, labels_max> labels; // from the first on; empty: no label
    // Label values are from outside in part: further series are added up in one whose values are
    // all "other".
    std::size_t series_max = 1;
    std::string_view help;

    [[nodiscard]] constexpr std::size_t label_count() const {
        std::size_t count = 0;
        while (count < labels_max && !labels.at(count).empty()) {
            ++count;
        }
        return count;
    }
};

/// In the order of the enumeration.
[[nodiscard]] const std::array<metric_family, static_cast<std::size_t>(metric::end_of_list)>&
metric_families();

[[nodiscard]] const metric_family& family_of(metric which);

} // namespace msd::core
