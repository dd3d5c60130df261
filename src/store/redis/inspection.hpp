// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "store/redis/settings.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <string>
#include <utility>
#include <vector>

namespace msd::store::redis {

// Facts about a Redis server, for administrators.
struct inspection {
    bool works = false;
    std::vector<std::pair<std::string, std::string>> facts; // ("version", "7.0.15")
    std::vector<std::string> advice; // problems and possible improvements, and what to do
};

/// Connects as a worker would and looks around, until then at most. Changes nothing there.
asio::awaitable<inspection>
inspect(asio::any_io_executor executor, client_settings chosen, deadline until);

} // namespace msd::store::redis
