// SPDX-License-Identifier: Apache-2.0
#include "host/service_meters.hpp"

namespace msd::host {

using core::metric;

service_meters::service_meters(core::metrics& within, std::string_view service)
    : within_{within},
      service_{service},
      in_flight_{within.cell_of(metric::service_requests_in_flight, {service})},
      streams_{within.cell_of(metric::service_streams, {service})},
      handler_failures_{within.cell_of(metric::service_handler_failures, {service})},
      other_protocols_{within.cell_of(metric::worker_bad_input, {service, "protocol"})},
      unproven_refused_{within.cell_of(metric::worker_unproven_refused, {service})},
      log_lines_dropped_{within.cell_of(metric::worker_log_lines_dropped, {service})} {}

void service_meters::count_reply(const services::route& row, int status) {
    const auto [known, is_new] = replies_.try_emplace({&row, status});
    if (is_new) {
        const std::string route = std::string{row.method}.append(row.path);
        known->second =
            within_.cell_of(metric::service_requests, {service_, route, std::to_string(status)});
    }
    known->second.add();
}

void service_meters::update(const figures& now) {
    in_flight_.set(now.in_flight);
    streams_.set(now.streams);
    handler_failures_.follow(now.handler_failures);
    other_protocols_.follow(now.other_protocols);
    unproven_refused_.follow(now.unproven_refused);
    log_lines_dropped_.follow(now.log_lines_dropped);
}

} // namespace msd::host
