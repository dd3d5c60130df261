// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>

namespace msd::services {

// The quotas of the lines from one source in one worker of the logs service.
struct log_quota {
    std::size_t address_bytes_per_s = 0; // from one address (IPv6: one /64 network)
    std::size_t bytes_per_s = 0;         // from all addresses
    std::size_t file_bytes_max = 0;
    int files_max = 0; // including the file that is being written
};

struct log_settings {
    log_quota client{64U << 10, 256U << 10, 16U << 20, 8};
    log_quota node{1U << 20, 4U << 20, 16U << 20, 8};
    log_quota msd{1U << 20, 4U << 20, 32U << 20, 8};
    std::size_t line_bytes_max = 64U << 10; // a longer line is cut
    milliseconds report_every{60'000};      // how often dropped lines are reported
};

} // namespace msd::services
