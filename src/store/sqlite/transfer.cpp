// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/transfer.hpp"

#include "store/data_directory.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/write_turn.hpp"
#include "store/stored_entities.hpp"
#include "store/transfer_rows.hpp"
#include "store/transfer_sql.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace msd::store::sqlite {

namespace {

// `newest_column` was added last; `select_old` reads the table of a file without it.
template <class Rows>
struct statements;

template <class Entity>
struct statements<transferred<Entity>> {
    using sql = entity_sql<Entity>;
    static constexpr std::string_view newest_column = "id";
    static constexpr std::string_view select = sql::list;
    static constexpr std::string_view select_old = select;
    static constexpr std::string_view select_one = sql::find;
    static constexpr std::string_view insert = sql::insert_with_id;
    static constexpr std::string_view count = sql::count;
};

template <>
struct statements<transferred_members> {
    static constexpr std::string_view newest_column = "password_argon2id";
    static constexpr std::string_view select =
        "SELECT id, username, password, password_argon2id FROM members WHERE id > ? "
        "ORDER BY id LIMIT ?";
    static constexpr std::string_view select_old =
        "SELECT id, username, password, NULL FROM members WHERE id > ? ORDER BY id LIMIT ?";
    static constexpr std::string_view select_one =
        "SELECT id, username, password, password_argon2id FROM members WHERE id = ?";
    static constexpr std::string_view insert =
        "INSERT INTO members(id, username, password, password_argon2id) "
        "VALUES (?, ?, ?, NULLIF(?, ''))";
    static constexpr std::string_view count = "SELECT COUNT(*) FROM members WHERE id > ?";
};

// For AUTOINCREMENT tables SQLite stores the last used id here. There is no row before the first
// insert.
constexpr std::string_view last_given = "SELECT seq FROM sqlite_sequence WHERE name = ?";
constexpr std::string_view raise_last =
    "UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = ?";
constexpr std::string_view insert_last = "INSERT INTO sqlite_sequence(seq, name) VALUES (?, ?)";

constexpr std::string_view columns_named =
    "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?";

// Without a write_turn it can only read.
template <class Rows>
class embedded_table final : public transfer_table {
public:
    using rows = Rows;
    using sql = statements<Rows>;

    embedded_table(connection on, std::unique_ptr<write_turn> turn, bool is_old)
        : turn_{std::move(turn)},
          on_{std::move(on)},
          is_old_{is_old} {}

    result<std::int64_t> count() override {
        return read_number<query>(on_, sql::count, std::int64_t{0});
    }

    result<std::vector<transfer_row>> read(std::int64_t after) override {
        const auto select = is_old_ ? sql::select_old : sql::select;
        return read_rows<rows, query>(on_, select, after);
    }

    result<std::int64_t> next_id() override {
        auto last = read_number<query>(on_, last_given, rows::service);
        return last ? result<std::int64_t>{*last + 1} : last;
    }

    // All existing rows are compared, which means that they are read.
    result<std::int64_t> resume_after() override { return 0; }

    result<std::size_t> write(std::span<const transfer_row> what) override {
        std::size_t added = 0;
        auto done = in_transaction([&](connection& on) -> result<void> {
            const auto insert = [&on](const typename rows::row& row) {
                query inserting{on, sql::insert};
                rows::bind(inserting, row);
                return inserting.run();
            };
            auto outcome = add_rows<rows, query>(on, sql::select_one, what, insert);
            added = outcome.value_or(0);
            return outcome ? result<void>{} : tl::unexpected{std::move(outcome.error())};
        });
        return done ? result<std::size_t>{added} : tl::unexpected{std::move(done.error())};
    }

    result<void> finish(std::int64_t next_id) override {
        return in_transaction([next_id](connection& on) -> result<void> {
            query raise{on, raise_last};
            auto raised = raise.bind(next_id - 1).bind(rows::service).run();
            if (!raised || on.changes() > 0 || next_id <= 1) {
                return raised;
            }
            query insert{on, insert_last};
            return insert.bind(next_id - 1).bind(rows::service).run();
        });
    }

private:
    template <class F>
    result<void> in_transaction(F work) {
        const auto held = turn_->wait();
        if (!held) {
            return tl::unexpected{held.error()};
        }
        auto done = on_.execute("BEGIN IMMEDIATE");
        if (done) {
            done = work(on_);
        }
        if (done) {
            done = on_.execute("COMMIT");
        }
        if (!done && on_.in_transaction()) {
            static_cast<void>(on_.execute("ROLLBACK")); // the first error is returned
        }
        return done;
    }

    std::unique_ptr<write_turn> turn_;
    connection on_;
    bool is_old_; // an earlier msd made the file: it lacks the newest column
};

template <class Rows>
result<bool> has_newest_column(connection& on) {
    query named{on, columns_named};
    named.bind(Rows::service).bind(statements<Rows>::newest_column);
    const auto found = named.next();
    if (!found) {
        return tl::unexpected{found.error()};
    }
    return named.integer(0) > 0;
}

template <class Rows>
result<std::unique_ptr<transfer_table>> to_read(const std::filesystem::path& file) {
    auto on = connection::open(file, connection::purpose::reading);
    if (!on) {
        on.error().text = fmt::format("{}: {}", file.string(), on.error().text);
        return tl::unexpected{std::move(on.error())};
    }
    const auto newest = has_newest_column<Rows>(*on);
    if (!newest) {
        return tl::unexpected{newest.error()};
    }
    return std::make_unique<embedded_table<Rows>>(std::move(*on), nullptr, !*newest);
}

result<connection>
open_writer(const std::filesystem::path& file, write_turn& turn, const schema& wanted) {
    const auto held = turn.wait();
    if (!held) {
        return tl::unexpected{held.error()};
    }
    auto on = connection::open(file, connection::purpose::writing);
    if (!on) {
        return on;
    }
    if (auto migrated = migrate(*on, wanted); !migrated) {
        return tl::unexpected{std::move(migrated.error())};
    }
    return on;
}

template <class Stored>
result<std::unique_ptr<transfer_table>> to_write(const std::filesystem::path& file) {
    if (auto prepared = prepare_data_directory(file.parent_path()); !prepared) {
        return tl::unexpected{std::move(prepared.error())};
    }
    if (auto created = create_private_file(file); !created) {
        return tl::unexpected{std::move(created.error())};
    }
    auto turn = write_turn::open(std::filesystem::path{file}.replace_extension("lock"));
    if (!turn) {
        return tl::unexpected{std::move(turn.error())};
    }
    auto on = open_writer(file, *turn, Stored::embedded::wanted_schema());
    if (!on) {
        return tl::unexpected{std::move(on.error())};
    }
    auto own_turn = std::make_unique<write_turn>(std::move(*turn));
    auto made = std::make_unique<embedded_table<typename Stored::rows>>(
        std::move(*on),
        std::move(own_turn),
        false
    );
    return made;
}

template <class Stored>
result<std::unique_ptr<transfer_table>>
opened(const std::filesystem::path& data_dir, transfer_use use) {
    const auto file = data_dir / (std::string{Stored::service} + ".db");
    std::error_code unknown;
    if (Stored::is_alone && use == transfer_use::reading &&
        !std::filesystem::exists(file, unknown) && !unknown) {
        return no_rows();
    }
    return use == transfer_use::reading ? to_read<typename Stored::rows>(file)
                                        : to_write<Stored>(file);
}

} // namespace

result<std::unique_ptr<transfer_table>>
open_transfer(const std::filesystem::path& data_dir, std::string_view service, transfer_use use) {
    using outcome = result<std::unique_ptr<transfer_table>>;
    return stored_entities::with<outcome>(service, [&]<class Stored>() {
        return opened<Stored>(data_dir, use);
    });
}

} // namespace msd::store::sqlite
