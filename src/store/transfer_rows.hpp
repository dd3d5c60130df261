// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/entity.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/places_repository.hpp"
#include "store/purchases_repository.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// One row of each service during a transfer: its canonical JSON and its columns in a query. One
// struct per service with the same member names, for the templates of both databases.
namespace msd::store {

// Of an entity with a description.
template <class Entity>
struct transferred {
    using row = typename Entity::row;
    static constexpr std::string_view service = Entity::service;

    [[nodiscard]] static std::string text_of(const row& from);
    /// errc::malformed: the text names the member that is missing or wrong.
    [[nodiscard]] static result<row> parse(std::string_view json);

    /// Columns: id, and those of the description.
    template <class Query>
    [[nodiscard]] static row read(const Query& from) {
        return read_entity<Entity>(from);
    }

    template <class Query>
    static void bind(Query& to, const row& what) {
        bind_values<Entity>(to.bind(what.id), what);
    }
};

struct transferred_members {
    struct row {
        std::int64_t id = 0;
        std::string username;
        member_hashes hashes;
    };
    static constexpr std::string_view service = "members";

    [[nodiscard]] static std::string text_of(const row& from);
    [[nodiscard]] static result<row> parse(std::string_view json);

    /// Columns: id, username, password, msd's own hash beside it or null.
    template <class Query>
    [[nodiscard]] static row read(const Query& from) {
        return {
            from.integer(0),
            std::string{from.text(1)},
            {.password = std::string{from.text(2)}, .argon2id = std::string{from.text(3)}}};
    }

    template <class Query>
    static void bind(Query& to, const row& what) {
        to.bind(what.id).bind(what.username).bind(what.hashes.password);
        to.bind(what.hashes.argon2id);
    }
};

/// The canonical text of the row in `json`: equal rows have equal texts. errc::malformed;
/// errc::invalid: there is no such service.
[[nodiscard]] result<std::string>
canonical_row(std::string_view service, std::string_view json, std::int64_t& id);

} // namespace msd::store
