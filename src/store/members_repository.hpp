// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/idempotency.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace msd::store {

struct member_row {
    std::int64_t id = 0;
    std::string password_hash; // as the service made it, or an old deployment's
};

// The members of the members service; names are unique, byte by byte. Knows nothing of how
// passwords are hashed. Errors common to all operations: as goods_repository.
class members_repository {
public:
    virtual ~members_repository() = default;

    /// errc::not_found.
    virtual asio::awaitable<result<member_row>> find(std::string username, deadline until) = 0;

    /// Returns the new id. errc::conflict: the name is taken.
    virtual asio::awaitable<result<std::int64_t>>
    add(std::string username,
        std::string password_hash,
        std::optional<idempotency> once,
        deadline until) = 0;

    /// Replaces the hash if it is still `old_hash`; returns how many rows changed: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    rehash(std::int64_t id, std::string old_hash, std::string new_hash, deadline until) = 0;

    /// Returns how many rows went: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    remove(std::string username, std::optional<idempotency> once, deadline until) = 0;

    /// The outcome noted under this key, if there is one: spares a repeat the work before the
    /// write.
    virtual asio::awaitable<result<std::optional<std::int64_t>>>
    recall(idempotency once, deadline until) = 0;
};

} // namespace msd::store
