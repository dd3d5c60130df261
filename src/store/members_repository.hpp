// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/handled_events.hpp"
#include "store/idempotency.hpp"
#include "store/member_overview.hpp"
#include "store/outbox.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace msd::store {

// The hashes that the store keeps of one password. A table that nodes of an existing deployment
// use as well has two: theirs, MySQL's PASSWORD(), where they look for it, and msd's own beside it.
struct member_hashes {
    std::string password; // column `password`: what existing nodes compare with
    std::string argon2id; // msd's own column; empty: `password` is the only hash
};

struct member_row {
    std::int64_t id = 0;
    member_hashes hashes;
    bool shared_with_legacy = false; // nodes of an existing deployment log this member in as well
};

// The members of the members service. Names are unique: byte by byte, or as the table of an
// existing deployment compares them while it is shared with that. Knows nothing of how passwords
// are hashed. Errors common to all operations: as goods_repository.
class members_repository {
public:
    virtual ~members_repository() = default;

    /// errc::not_found.
    virtual asio::awaitable<result<member_row>> find(std::string username, deadline until) = 0;

    /// Whether a new member needs the hash that nodes of an existing deployment verify.
    virtual asio::awaitable<result<bool>> is_shared_with_legacy(deadline until) = 0;

    /// Adds the member, and the event `member.joined`. Returns the new id. errc::conflict: the name
    /// is taken.
    virtual asio::awaitable<result<std::int64_t>>
    add(std::string username, member_hashes hashes, std::optional<idempotency> once, deadline until
    ) = 0;

    /// Replaces both hashes if column `password` is still `old_password`; returns how many rows
    /// changed: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    rehash(std::int64_t id, std::string old_password, member_hashes hashes, deadline until) = 0;

    /// Returns how many rows were removed: 1 or 0; more where names of a shared table repeat.
    virtual asio::awaitable<result<std::int64_t>>
    remove(std::string username, std::optional<idempotency> once, deadline until) = 0;

    /// The outcome recorded under this key, if there is one. Saves a repeated request the work that
    /// precedes the write.
    virtual asio::awaitable<result<std::optional<std::int64_t>>>
    recall(idempotency once, deadline until) = 0;

    /// errc::not_found: no event has named the member.
    virtual asio::awaitable<result<member_overview>>
    overview(std::int64_t userid, deadline until) = 0;

    /// Applies changes to overviews, each once. Returns how many were new. errc::conflict:
    /// handle_once().
    virtual asio::awaitable<result<std::int64_t>>
    change_overviews(event_batch<member_change> made, deadline until) = 0;

    /// The events of this store; lives as long as the repository.
    [[nodiscard]] virtual outbox& unsent() = 0;
};

} // namespace msd::store
