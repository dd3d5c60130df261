// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/money.hpp"
#include "base/result.hpp"
#include "store/idempotency.hpp"
#include "store/page.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msd::store {

struct goods_fields {
    std::string name;
    std::string category;
    money price;
    std::string description;
};

struct goods_row {
    std::int64_t id = 0;
    goods_fields fields;
};

// A row while it is being read: views into the database's memory.
struct goods_view {
    std::int64_t id = 0;
    std::string_view name;
    std::string_view category;
    money price;
    std::string_view description;
};

using goods_writer = void (*)(json::writer&, const goods_view&);

struct goods_query {
    page_query rows;
    std::optional<std::string> category; // compared byte by byte
};

// The products of the goods service. Behind it stands an embedded or a server database; one
// behaviour suite runs over both. Every operation may also fail with errc::unavailable (the store
// is down, full or overloaded), errc::timeout and errc::cancelled; a write that timed out may have
// happened. A write that returned a value survives the loss of power.
class goods_repository {
public:
    virtual ~goods_repository() = default;

    virtual asio::awaitable<result<page>>
    list(goods_query query, goods_writer write, deadline until) = 0;

    /// errc::not_found.
    virtual asio::awaitable<result<goods_row>> find(std::int64_t id, deadline until) = 0;

    /// Returns the new id. Ids grow and are never used again.
    virtual asio::awaitable<result<std::int64_t>>
    add(goods_fields fields, std::optional<idempotency> once, deadline until) = 0;

    /// Replaces all fields; returns the id. errc::not_found.
    virtual asio::awaitable<result<std::int64_t>>
    replace(goods_row row, std::optional<idempotency> once, deadline until) = 0;

    /// Returns how many rows went: 1 or 0.
    virtual asio::awaitable<result<std::int64_t>>
    remove(std::int64_t id, std::optional<idempotency> once, deadline until) = 0;
};

} // namespace msd::store
