// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "core/resilience/rate_limiter.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace msd::gateway {

// Where the numbers of limits are when several gateways have them in common. The gateway knows this
// interface only: databases are no business of its layer, and app gives it the one that the
// configuration names.
class limit_store {
public:
    virtual ~limit_store() = default;

    /// Takes a request; `key` names the limit and whose request it is. An error soon when the store
    /// does not answer: the gateway counts by itself then.
    virtual asio::awaitable<result<core::resilience::limit_decision>>
    take(std::string key, core::resilience::limit_settings settings) = 0;

    /// Closes its connections; before the store is destroyed.
    virtual asio::awaitable<void> stop() = 0;
};

/// Empty: limits are counted by each gateway itself. errc::invalid: the settings cannot work.
using limit_store_maker =
    std::function<result<std::unique_ptr<limit_store>>(const asio::any_io_executor& executor)>;

} // namespace msd::gateway
