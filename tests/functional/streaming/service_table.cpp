// SPDX-License-Identifier: Apache-2.0
// Replaces the table of services in msd_streaming, which is msd with the service for tests only.

#include "functional/streaming/streaming_service.hpp"
#include "services/service.hpp"

#include <array>

namespace msd::services {

namespace {

const std::array<definition, 1> definitions{{
    {.name = "streaming",
     .default_port = 9050,
     .summary = "replies with headers and streams, for tests",
     .ships_logs = false,
     .create = make_streaming_service},
}};

} // namespace

std::span<const definition> all() {
    return definitions;
}

const definition* find(std::string_view name) {
    return name == definitions.front().name ? &definitions.front() : nullptr;
}

} // namespace msd::services
