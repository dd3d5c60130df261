// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

namespace msd::net {

// The completion token for operations whose failure is expected: the awaiting coroutine gets the
// error code as a value, together with the results.
constexpr auto use_tuple = asio::experimental::as_tuple(asio::use_awaitable);

} // namespace msd::net
