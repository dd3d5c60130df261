// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/settings.hpp"
#include "node/worker.hpp"
#include "upstream/settings.hpp"

#include <cstddef>

namespace msd::node {

// Set the bounds of what a worker has received and not handled (core/input_budget.hpp). Each bound
// has room for two of the largest messages, whatever the settings are. Connections that are ended
// are logged, at most once a second.

/// Of the connections that the worker accepted. `message_bytes_max`: the largest message on them.
void bound_input(
    worker& of,
    const upstream::packet_settings& packets,
    std::size_t message_bytes_max
);

/// Of the connections that the worker opened to nodes.
void bound_replies(worker& of, const upstream::upstream_settings& upstream);

} // namespace msd::node
