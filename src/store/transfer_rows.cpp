// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_rows.hpp"

#include "base/json.hpp"
#include "store/argon2id_cost.hpp"

#include <optional>

namespace msd::store {

namespace {

// Reads the members of one row. The first member that is missing or wrong becomes the error.
class row_reader {
public:
    explicit row_reader(std::string_view json) {
        if (auto parsed = members_.parse(json); !parsed) {
            failed_ = std::move(parsed.error());
        }
    }

    std::int64_t integer(std::string_view name) {
        const json::value* const found = find(name);
        const auto number = found == nullptr ? std::nullopt : found->as_int64();
        check(number.has_value(), name, "an integer");
        return number.value_or(0);
    }

    // A hash of a password can have any form; one of argon2id may cost only so much.
    void check_cost(std::string_view name, std::string_view hash) {
        const auto checked = is_argon2id(hash) ? check_argon2id_cost(hash) : result<void>{};
        if (!checked && checked.error().code == errc::too_large && !failed_) {
            failed_ =
                error{errc::malformed, std::string{name}.append(": ").append(checked.error().text)};
        }
    }

    std::string text(std::string_view name) {
        const json::value* const found = find(name);
        auto string = found == nullptr ? std::nullopt : found->as_string();
        check(string.has_value(), name, "a string");
        return std::move(string).value_or(std::string{});
    }

    // A row without the member reads as one with an empty text.
    std::string text_or_empty(std::string_view name) {
        return find(name) == nullptr ? std::string{} : text(name);
    }

    // null: none.
    std::optional<money> price_or_none(std::string_view name) {
        const json::value* const found = find(name);
        if (found != nullptr && found->type == json::kind::null) {
            return std::nullopt;
        }
        return price(name);
    }

    money price(std::string_view name) {
        const json::value* const found = find(name);
        const bool is_number = found != nullptr && found->type == json::kind::number;
        const auto read = is_number ? money::parse(found->text) : fail(errc::malformed, {});
        check(read.has_value(), name, "an amount");
        return read.value_or(money{});
    }

    [[nodiscard]] const std::optional<error>& failed() const { return failed_; }

private:
    [[nodiscard]] const json::value* find(std::string_view name) const {
        return failed_ ? nullptr : members_.find(name);
    }

    void check(bool good, std::string_view name, std::string_view wanted) {
        if (!good && !failed_) {
            failed_ = error{errc::malformed, std::string{name}.append(" is not ").append(wanted)};
        }
    }

    json::object members_;
    std::optional<error> failed_;
};

template <class Row>
result<Row> outcome_of(const row_reader& in, Row row) {
    if (const auto& failed = in.failed()) {
        return tl::unexpected{*failed};
    }
    if (row.id <= 0) {
        return fail(errc::malformed, "id must be above 0");
    }
    return row;
}

template <class Rows>
result<std::string> canonical(std::string_view json, std::int64_t& id) {
    const auto row = Rows::parse(json);
    if (!row) {
        return tl::unexpected{row.error()};
    }
    id = row->id;
    return Rows::text_of(*row);
}

} // namespace

std::string transferred_goods::text_of(const row& from) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("id").integer(from.id).key("name").string(from.fields.name);
    out.key("category").string(from.fields.category).key("price").raw(from.fields.price.text());
    out.key("description").string(from.fields.description).end_object();
    return text;
}

result<goods_row> transferred_goods::parse(std::string_view json) {
    row_reader in{json};
    row out;
    out.id = in.integer("id");
    out.fields.name = in.text("name");
    out.fields.category = in.text("category");
    out.fields.price = in.price("price");
    out.fields.description = in.text("description");
    return outcome_of(in, std::move(out));
}

std::string transferred_members::text_of(const row& from) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("id").integer(from.id).key("username").string(from.username);
    out.key("password_hash").string(from.hashes.password);
    if (!from.hashes.argon2id.empty()) {
        out.key("argon2id_hash").string(from.hashes.argon2id);
    }
    out.end_object();
    return text;
}

result<transferred_members::row> transferred_members::parse(std::string_view json) {
    row_reader in{json};
    row out;
    out.id = in.integer("id");
    out.username = in.text("username");
    out.hashes.password = in.text("password_hash");
    out.hashes.argon2id = in.text_or_empty("argon2id_hash");
    in.check_cost("password_hash", out.hashes.password);
    in.check_cost("argon2id_hash", out.hashes.argon2id);
    return outcome_of(in, std::move(out));
}

std::string transferred_purchases::text_of(const row& from) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("id").integer(from.id).key("userid").integer(from.fields.userid);
    out.key("goodsid").integer(from.fields.goodsid);
    out.key("quantity").integer(from.fields.quantity).key("price");
    if (from.fields.price) {
        out.raw(from.fields.price->text());
    } else {
        out.null();
    }
    out.key("date_ms").integer(from.date_ms).end_object();
    return text;
}

result<purchase_row> transferred_purchases::parse(std::string_view json) {
    row_reader in{json};
    row out;
    out.id = in.integer("id");
    out.fields.userid = in.integer("userid");
    out.fields.goodsid = in.integer("goodsid");
    out.fields.quantity = in.integer("quantity");
    out.fields.price = in.price_or_none("price");
    out.date_ms = in.integer("date_ms");
    return outcome_of(in, out);
}

result<std::string>
canonical_row(std::string_view service, std::string_view json, std::int64_t& id) {
    if (service == transferred_goods::service) {
        return canonical<transferred_goods>(json, id);
    }
    if (service == transferred_members::service) {
        return canonical<transferred_members>(json, id);
    }
    if (service == transferred_purchases::service) {
        return canonical<transferred_purchases>(json, id);
    }
    return fail(errc::invalid, std::string{service}.append(" has no rows to move"));
}

} // namespace msd::store
