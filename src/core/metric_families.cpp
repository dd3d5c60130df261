// SPDX-License-Identifier: Apache-2.0
#include "core/metric_families.hpp"

namespace msd::core {

namespace {

constexpr std::size_t family_count = static_cast<std::size_t>(metric::end_of_list);
constexpr std::size_t per_role = 48; // and state, reason or kind

using enum metric_kind;

constexpr std::array<metric_family, family_count> families{{
    {metric::build_info,
     "msd_build_info",
     gauge,
     {"version", "build"},
     8,
     "Workers by the version of msd that they run."},
    {metric::pool_slots,
     "msd_pool_slots",
     gauge,
     {"role"},
     per_role,
     "Workers that a pool is to have."},
    {metric::pool_slots_ready,
     "msd_pool_slots_ready",
     gauge,
     {"role"},
     per_role,
     "Slots of a pool that have a READY worker."},
    {metric::workers,
     "msd_workers",
     gauge,
     {"role", "state"},
     per_role,
     "Worker processes by state: starting, ready, draining, stopping."},
    {metric::worker_restarts,
     "msd_worker_restarts_total",
     counter,
     {"role", "reason"},
     per_role,
     "Workers that were replaced because they ended: exit, signal, or killed by the master."},
    {metric::worker_connections,
     "msd_worker_connections",
     gauge,
     {"role"},
     per_role,
     "Open connections from clients, nodes and callers."},
    {metric::worker_requests,
     "msd_worker_requests_total",
     counter,
     {"role"},
     per_role,
     "Requests that workers have answered."},
    {metric::worker_input_bytes,
     "msd_worker_input_bytes",
     gauge,
     {"role"},
     per_role,
     "Memory of messages that are received and not complete."},
    {metric::worker_input_ended,
     "msd_worker_input_ended_total",
     counter,
     {"role"},
     per_role,
     "Connections that were closed because unfinished messages needed too much memory."},
    {metric::worker_bad_input,
     "msd_worker_bad_input_total",
     counter,
     {"role", "kind"},
     per_role,
     "Connections that sent what is no packet: frame, or another protocol."},
    {metric::worker_unproven_refused,
     "msd_worker_unproven_refused_total",
     counter,
     {"role"},
     per_role,
     "Packets of peers without a proof of the cluster secret that were refused."},
    {metric::worker_log_lines_dropped,
     "msd_worker_log_lines_dropped_total",
     counter,
     {"role"},
     per_role,
     "Log lines that were not sent to the logs service."},
    {metric::worker_figure,
     "msd_worker_figure",
     gauge,
     {"role", "figure"},
     200,
     "Each number of `stats` in the status of the workers; counters begin with each worker."},
    {metric::http_requests,
     "msd_http_requests_total",
     counter,
     {"route", "method", "code"},
     800,
     "Requests of clients by route, method and status; code 0: no reply was sent."},
    {metric::http_request_duration,
     "msd_http_request_duration_seconds",
     durations,
     {"route"},
     200,
     "Time from the head of a request to the end of its reply."},
    {metric::http_requests_in_flight,
     "msd_http_requests_in_flight",
     gauge,
     {},
     1,
     "Requests of clients whose reply has not ended."},
    {metric::http_connections,
     "msd_http_connections",
     gauge,
     {},
     1,
     "Open connections of clients to the gateway."},
    {metric::http_body_bytes,
     "msd_http_body_bytes",
     gauge,
     {},
     1,
     "Memory of the bodies of requests in the gateway."},
    {metric::upstream_requests,
     "msd_upstream_requests_total",
     counter,
     {"service", "instance", "outcome"},
     500,
     "Requests that the gateway sent to services, by the instance that was tried last."},
    {metric::upstream_retries,
     "msd_upstream_retries_total",
     counter,
     {"service"},
     100,
     "Further tries of requests after the first one."},
    {metric::service_requests,
     "msd_service_requests_total",
     counter,
     {"service", "route", "status"},
     200,
     "Requests that a service has answered, by route and status."},
    {metric::service_requests_in_flight,
     "msd_service_requests_in_flight",
     gauge,
     {"service"},
     per_role,
     "Requests whose handlers run."},
    {metric::service_streams,
     "msd_service_streams",
     gauge,
     {"service"},
     per_role,
     "Replies that are streams and have not ended."},
    {metric::service_handler_failures,
     "msd_service_handler_failures_total",
     counter,
     {"service"},
     per_role,
     "Requests whose handler threw an exception."},
    {metric::registry_nodes, "msd_registry_nodes", gauge, {}, 1, "Listed nodes."},
    {metric::registry_epoch, "msd_registry_epoch", gauge, {}, 1, "The epoch of the list of nodes."},
    {metric::registry_revision,
     "msd_registry_revision",
     gauge,
     {},
     1,
     "The revision of the list of nodes within its epoch."},
}};

constexpr bool is_in_order() {
    for (std::size_t index = 0; index < family_count; ++index) {
        if (families.at(index).which != static_cast<metric>(index)) {
            return false;
        }
    }
    return true;
}

static_assert(is_in_order(), "family_of() finds by the number");

} // namespace

const std::array<metric_family, family_count>& metric_families() {
    return families;
}

const metric_family& family_of(metric which) {
    return families.at(static_cast<std::size_t>(which));
}

} // namespace msd::core
