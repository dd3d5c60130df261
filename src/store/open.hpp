// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/idempotency.hpp"
#include "store/server_settings.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace msd::store {

class event_log;
class goods_repository;
class members_repository;
class places_repository;
class purchases_repository;

struct store_settings {
    asio::any_io_executor executor;
    std::filesystem::path data_dir; // of the embedded store; created with mode 0700
    server_settings server;         // an empty url selects the embedded store
    utc_clock now_ms = utc_now_ms;
};

// Opens the repository of a service on the configured store and migrates its schema. A repository
// has threads and descriptors of its own, which a forked process cannot use. errc::invalid: the
// settings cannot work (unknown url, network file system, access denied by the server);
// errc::unavailable: the embedded store cannot be used. A server that is down is not an error:
// calls fail until it is up. Destroy a repository before its loop and after the last call has
// returned; the destructor waits for its threads.

asio::awaitable<result<std::unique_ptr<goods_repository>>>
open_goods(store_settings settings, deadline until);

asio::awaitable<result<std::unique_ptr<members_repository>>>
open_members(store_settings settings, deadline until);

asio::awaitable<result<std::unique_ptr<places_repository>>>
open_places(store_settings settings, deadline until);

asio::awaitable<result<std::unique_ptr<purchases_repository>>>
open_purchases(store_settings settings, deadline until);

struct event_log_settings {
    store_settings store; // `server` is not used
    milliseconds lease{30'000};
    milliseconds redelivery{1'000}; // core::redelivery
};

asio::awaitable<result<std::unique_ptr<event_log>>>
open_event_log(event_log_settings settings, deadline until);

} // namespace msd::store
