// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/task_group.hpp"
#include "net/tls_client.hpp"
#include "store/redis/connection.hpp"
#include "store/redis/settings.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <memory>
#include <string>

namespace msd::store::redis {

// Shared by all connections of a client; outlives them.
struct surroundings {
    asio::any_io_executor executor;
    const client_settings& chosen;
    const net::tls_trust* trust; // null: no TLS
    net::task_group& tasks;
};

// The properties that a server reports when a connection is opened.
struct server_facts {
    std::string version; // "7.0.15"; empty: the server is too old to report it
    std::string mode;    // "standalone", "sentinel", "cluster"
    std::string role;    // "master", "slave"
};

/// From the reply to HELLO; fields that the reply lacks stay empty.
[[nodiscard]] server_facts facts_of(const reply& hello);

enum class wanted_server : std::uint8_t { master, cluster_node, sentinel };

/// Connects to `where`, logs in and prepares the connection: AUTH, HELLO, CLIENT SETNAME, SELECT.
/// The connection is read by a task of its own from then on. Errors as of client_stream::open();
/// errc::denied: the password is wrong or missing; errc::invalid: the server is of another kind
/// than `wanted`; errc::unavailable: it is no master, or cannot serve yet.
asio::awaitable<result<std::shared_ptr<connection>>>
greet(const surroundings* around, address where, wanted_server wanted, deadline until);

} // namespace msd::store::redis
