// SPDX-License-Identifier: Apache-2.0
#include "store/transfer_rows.hpp"

#include "base/json.hpp"
#include "store/argon2id_cost.hpp"
#include "store/stored_entities.hpp"

#include <optional>
#include <tuple>
#include <utility>

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

    void read(std::string_view name, std::int64_t& into) { into = integer(name); }
    void read(std::string_view name, double& into) {
        const json::value* const found = find(name);
        const auto number = found == nullptr ? std::nullopt : found->as_double();
        check(number.has_value(), name, "a number");
        into = number.value_or(0);
    }
    void read(std::string_view name, std::string& into) { into = text(name); }
    void read(std::string_view name, money& into) { into = price(name); }
    // null: none.
    void read(std::string_view name, std::optional<money>& into) {
        const json::value* const found = find(name);
        if (found == nullptr || found->type != json::kind::null) {
            into = price(name);
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

void write(json::writer& out, std::int64_t value) {
    out.integer(value);
}

void write(json::writer& out, double value) {
    out.real(value);
}

void write(json::writer& out, const std::string& value) {
    out.string(value);
}

void write(json::writer& out, const std::optional<money>& value) {
    if (value) {
        out.raw(value->text());
    } else {
        out.null();
    }
}

template <class Value>
void write_member(json::writer& out, const column& described, const Value& value) {
    if (!described.is_derived) {
        write(out.key(described.member), value);
    }
}

template <class Value>
void read_member(row_reader& in, const column& described, Value& value) {
    if (!described.is_derived) {
        in.read(described.member, value);
    }
}

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

template <class Entity>
std::string transferred<Entity>::text_of(const row& from) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("id").integer(from.id);
    std::apply(
        [&out](const auto&... values) {
            const column* described = Entity::columns.data();
            (write_member(out, *described++, values), ...);
        },
        Entity::values(from)
    );
    out.end_object();
    return text;
}

template <class Entity>
result<typename Entity::row> transferred<Entity>::parse(std::string_view json) {
    row_reader in{json};
    row out;
    out.id = in.integer("id");
    std::apply(
        [&in](auto&... values) {
            const column* described = Entity::columns.data();
            (read_member(in, *described++, values), ...);
        },
        Entity::values(out)
    );
    auto checked = outcome_of(in, std::move(out));
    if constexpr (requires(row & of) { Entity::derive(of); }) {
        auto derived = checked ? Entity::derive(*checked) : result<void>{};
        return derived ? std::move(checked) : tl::unexpected{std::move(derived.error())};
    }
    return checked;
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

template struct transferred<goods_entity>;
template struct transferred<places_entity>;
template struct transferred<purchases_entity>;

result<std::string>
canonical_row(std::string_view service, std::string_view json, std::int64_t& id) {
    return stored_entities::with<result<std::string>>(service, [&]<class Stored>() {
        return canonical<typename Stored::rows>(json, id);
    });
}

} // namespace msd::store
