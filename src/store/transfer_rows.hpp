// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "store/goods_repository.hpp"
#include "store/members_repository.hpp"
#include "store/purchases_repository.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// One row of each service during a transfer: its canonical JSON and its columns in a query. One
// struct per service with the same member names, for the templates of both databases.
namespace msd::store {

struct transferred_goods {
    using row = goods_row;
    static constexpr std::string_view service = "goods";

    [[nodiscard]] static std::string text_of(const row& from);
    /// errc::malformed: the text names the member that is missing or wrong.
    [[nodiscard]] static result<row> parse(std::string_view json);

    /// Columns: id, name, category, price_e4, description.
    template <class Query>
    [[nodiscard]] static row read(const Query& from) {
        return {
            .id = from.integer(0),
            .fields = {
                .name = std::string{from.text(1)},
                .category = std::string{from.text(2)},
                .price = money::from_e4(from.integer(3)).value_or(money{}),
                .description = std::string{from.text(4)}}};
    }

    template <class Query>
    static void bind(Query& to, const row& what) {
        to.bind(what.id).bind(what.fields.name).bind(what.fields.category);
        to.bind(what.fields.price.e4()).bind(what.fields.description);
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

struct transferred_purchases {
    using row = purchase_row;
    static constexpr std::string_view service = "purchases";

    [[nodiscard]] static std::string text_of(const row& from);
    [[nodiscard]] static result<row> parse(std::string_view json);

    /// Columns: id, userid, goodsid, quantity, price_e4 (or null), date in milliseconds.
    template <class Query>
    [[nodiscard]] static row read(const Query& from) {
        row out;
        out.id = from.integer(0);
        out.fields.userid = from.integer(1);
        out.fields.goodsid = from.integer(2);
        out.fields.quantity = from.integer(3);
        if (const auto price = money::from_e4(from.integer(4)); price && !from.is_null(4)) {
            out.fields.price = *price;
        }
        out.date_ms = from.integer(5);
        return out;
    }

    template <class Query>
    static void bind(Query& to, const row& what) {
        std::optional<std::int64_t> price_e4;
        if (what.fields.price) {
            price_e4 = what.fields.price->e4();
        }
        to.bind(what.id).bind(what.fields.userid).bind(what.fields.goodsid);
        to.bind(what.fields.quantity).bind(price_e4).bind(what.date_ms);
    }
};

/// The canonical text of the row in `json`: equal rows have equal texts. errc::malformed;
/// errc::invalid: there is no such service.
[[nodiscard]] result<std::string>
canonical_row(std::string_view service, std::string_view json, std::int64_t& id);

} // namespace msd::store
