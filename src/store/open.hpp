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

class goods_repository;
class members_repository;
class purchases_repository;

struct store_settings {
    asio::any_io_executor executor;
    std::filesystem::path data_dir; // of the embedded store; created with mode 0700
    server_settings server;         // without a url: the embedded store
    utc_clock now_ms = utc_now_ms;
};

// Opens the repository of a service on the store the settings name, its schema brought up to date.
// A repository has threads and descriptors of its own, which no other process can use.
// errc::invalid: settings that cannot work (an unknown url, a network file system, a server that
// denies access); errc::unavailable: the embedded store cannot be used. A server that is down is no
// error: calls are refused until it is there. Destroy a repository before its loop and when nobody
// awaits it any more; that waits for its threads.

asio::awaitable<result<std::unique_ptr<goods_repository>>>
open_goods(store_settings settings, deadline until);

asio::awaitable<result<std::unique_ptr<members_repository>>>
open_members(store_settings settings, deadline until);

asio::awaitable<result<std::unique_ptr<purchases_repository>>>
open_purchases(store_settings settings, deadline until);

} // namespace msd::store
