// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"
#include "base/result.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// One description for a stored entity, from which come its statements, its rows in queries and its
// rows in an export (store/transfer_rows.hpp). A description is a struct with
//
//   using row = …;                                  // has `id`, which the database assigns
//   static constexpr std::string_view service = …;  // also the name of the table and of the file
//   static constexpr std::array columns{column{…}, …};          // beside the id
//   static auto values(auto& of) { return std::tie(of.…, …); }  // of a row, one for each column
//   static result<void> derive(row& of);             // only with derived columns: computes them
//
// The type of a value is the type of its column: std::int64_t, double, std::string, money (in
// ten-thousandths), and std::optional of a number or of money, which may be NULL.
namespace msd::store {

struct column {
    std::string_view name;
    std::string_view member = name; // in an export
    std::size_t length_max = 128;   // of a text, in characters
    bool is_derived = false;        // computed from the others: not in an export
    bool is_indexed = false;        // rows are found by it
};

namespace entity_parts {

// A text that is put together when the program is compiled. Clang 19 cannot do that with the
// std::string of g++ 12. Its members are public so that it can be an argument of a template.
struct compiled_text {
    static constexpr std::size_t bytes_max = 1024;

    /// Too long a text does not compile.
    constexpr compiled_text& append(std::string_view text) {
        for (const char each : text) {
            characters.at(bytes++) = each;
        }
        return *this;
    }
    constexpr compiled_text& append(const compiled_text& other) { return append(other.view()); }

    [[nodiscard]] constexpr bool empty() const { return bytes == 0; }
    [[nodiscard]] constexpr std::size_t size() const { return bytes; }
    [[nodiscard]] constexpr std::string_view view() const { return {characters.data(), bytes}; }

    std::array<char, bytes_max> characters{};
    std::size_t bytes = 0;
};

// The text in memory of its own, so that connections can keep prepared statements under it. Its
// name is the text: by that of a lambda, which g++ 12 counts anew in each file, a statement of one
// file could take the place of another one's.
template <compiled_text Text>
struct literal {
    static constexpr auto characters = [] {
        std::array<char, Text.size()> made{};
        std::ranges::copy(Text.view(), made.begin());
        return made;
    }();
    static constexpr std::string_view text{characters.data(), characters.size()};
};

// "first, second, third"; with `suffix` behind each.
template <class Entity>
constexpr compiled_text names(std::string_view suffix = {}) {
    compiled_text made;
    for (const column& each : Entity::columns) {
        made.append(made.empty() ? "" : ", ").append(each.name).append(suffix);
    }
    return made;
}

template <class Entity>
constexpr compiled_text select_from() {
    compiled_text made;
    made.append("SELECT id, ").append(names<Entity>()).append(" FROM ").append(Entity::service);
    return made;
}

template <class Entity>
constexpr compiled_text insert_into(std::string_view first, std::size_t count) {
    compiled_text made;
    made.append("INSERT INTO ").append(Entity::service).append("(").append(first);
    made.append(names<Entity>()).append(") VALUES (");
    for (std::size_t i = 0; i < count; ++i) {
        made.append(i == 0 ? "?" : ", ?");
    }
    return made.append(")");
}

template <class Query>
void read_value(const Query& from, std::size_t at, std::int64_t& into) {
    into = from.integer(at);
}
template <class Query>
void read_value(const Query& from, std::size_t at, std::string& into) {
    into = from.text(at);
}
template <class Query>
void read_value(const Query& from, std::size_t at, money& into) {
    into = money::from_e4(from.integer(at)).value_or(money{});
}
template <class Query>
void read_value(const Query& from, std::size_t at, std::optional<money>& into) {
    if (const auto known = money::from_e4(from.integer(at)); known && !from.is_null(at)) {
        into = *known;
    }
}

template <class Query>
void read_value(const Query& from, std::size_t at, double& into) {
    into = from.real(at);
}

template <class Query>
void bind_value(Query& to, double value) {
    to.bind_real(value);
}
template <class Query>
void bind_value(Query& to, std::int64_t value) {
    to.bind(value);
}
template <class Query>
void bind_value(Query& to, const std::string& value) {
    to.bind(std::string_view{value});
}
template <class Query>
void bind_value(Query& to, money value) {
    to.bind(value.e4());
}
template <class Query>
void bind_value(Query& to, const std::optional<money>& value) {
    to.bind(value ? std::optional{value->e4()} : std::nullopt);
}

// "name TEXT NOT NULL, lat REAL NOT NULL": `type_of` returns the type of a column, of its
// std::type_identity and the column.
template <class Entity, class TypeOf>
constexpr compiled_text definitions(TypeOf type_of) {
    using values = decltype(Entity::values(std::declval<typename Entity::row&>()));
    compiled_text made;
    const auto add = [&]<class Value>(std::type_identity<Value> of, const column& each) {
        made.append(made.empty() ? "" : ", ").append(each.name).append(" ");
        made.append(type_of(of, each)).append(" NOT NULL");
    };
    [&]<std::size_t... I>(std::index_sequence<I...> /*all*/) {
        using std::tuple_element_t;
        (add(std::type_identity<std::remove_reference_t<tuple_element_t<I, values>>>{},
             Entity::columns[I]),
         ...);
    }
    (std::make_index_sequence<Entity::columns.size()>{});
    return made;
}

} // namespace entity_parts

// The statements of an entity whose table has exactly the described columns. Selected rows have the
// columns of read_entity().
template <class Entity>
struct entity_sql {
    static constexpr std::size_t width = Entity::columns.size();

    /// Parameters: the id that rows are above, and the limit.
    static constexpr std::string_view list = entity_parts::literal<[] {
        return entity_parts::select_from<Entity>().append(" WHERE id > ? ORDER BY id LIMIT ?");
    }()>::text;
    /// The same of the rows with one value in column `Column`, which is the first parameter.
    template <std::size_t Column>
    static constexpr std::string_view list_by = entity_parts::literal<[] {
        return entity_parts::select_from<Entity>()
            .append(" WHERE ")
            .append(Entity::columns[Column].name)
            .append(" = ? AND id > ? ORDER BY id LIMIT ?");
    }()>::text;
    /// Parameter: the id.
    static constexpr std::string_view find = entity_parts::literal<[] {
        return entity_parts::select_from<Entity>().append(" WHERE id = ?");
    }()>::text;
    /// Parameters: bind_values().
    static constexpr std::string_view insert = entity_parts::literal<[] {
        return entity_parts::insert_into<Entity>("", width);
    }()>::text;
    /// Parameters: the id, bind_values().
    static constexpr std::string_view insert_with_id = entity_parts::literal<[] {
        return entity_parts::insert_into<Entity>("id, ", width + 1);
    }()>::text;
    /// Parameters: bind_values(), the id.
    static constexpr std::string_view update = entity_parts::literal<[] {
        return entity_parts::compiled_text{}
            .append("UPDATE ")
            .append(Entity::service)
            .append(" SET ")
            .append(entity_parts::names<Entity>(" = ?"))
            .append(" WHERE id = ?");
    }()>::text;
    /// Parameter: the id.
    static constexpr std::string_view remove = entity_parts::literal<[] {
        return entity_parts::compiled_text{}
            .append("DELETE FROM ")
            .append(Entity::service)
            .append(" WHERE id = ?");
    }()>::text;
    /// The number of rows above an id.
    static constexpr std::string_view count = entity_parts::literal<[] {
        return entity_parts::compiled_text{}
            .append("SELECT COUNT(*) FROM ")
            .append(Entity::service)
            .append(" WHERE id > ?");
    }()>::text;
};

/// Columns of the query's present row: the id and the described ones, in their order.
template <class Entity, class Query>
[[nodiscard]] typename Entity::row read_entity(const Query& from) {
    typename Entity::row made;
    made.id = from.integer(0);
    std::apply(
        [&from](auto&... values) {
            std::size_t at = 0;
            (entity_parts::read_value(from, ++at, values), ...);
        },
        Entity::values(made)
    );
    return made;
}

/// The values of the described columns, in their order. `of` must outlive the query.
template <class Entity, class Query>
Query& bind_values(Query& to, const typename Entity::row& of) {
    std::apply(
        [&to](const auto&... values) { (entity_parts::bind_value(to, values), ...); },
        Entity::values(of)
    );
    return to;
}

// A list of descriptions, or of other types with a `service`.
template <class... Entities>
struct entity_list {
    static constexpr std::array<std::string_view, sizeof...(Entities)> services{
        Entities::service...};

    /// Returns use<Entity>() of the entity of `service`. errc::invalid: there is none.
    template <class Outcome, class F>
    static Outcome with(std::string_view service, F use) {
        std::optional<Outcome> made;
        const auto look = [&]<class Entity>(std::type_identity<Entity> /*of*/) {
            if (service == Entity::service) {
                made.emplace(use.template operator()<Entity>());
            }
        };
        (look(std::type_identity<Entities>{}), ...);
        if (!made) {
            made.emplace(fail(errc::invalid, std::string{service}.append(" has no rows to move")));
        }
        return std::move(*made);
    }

    /// Calls use<Entity>(), which returns result<void>, for each until one fails.
    template <class F>
    static result<void> each(F use) {
        result<void> done;
        const auto go_on = [&]<class Entity>(std::type_identity<Entity> /*of*/) {
            if (done) {
                done = use.template operator()<Entity>();
            }
        };
        (go_on(std::type_identity<Entities>{}), ...);
        return done;
    }
};

} // namespace msd::store
