// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <string>
#include <vector>

namespace msd::services {

// Of the service events, from the configuration.
struct event_settings {
    // Topics of which clients may publish and read events; "*": all. Nodes of msd may do both with
    // every topic.
    std::vector<std::string> clients_publish;
    std::vector<std::string> clients_read{"goods.changed"};
    milliseconds lease{30'000};     // for which an event is handed to one consumer
    milliseconds redelivery{1'000}; // core::redelivery::settings
};

} // namespace msd::services
