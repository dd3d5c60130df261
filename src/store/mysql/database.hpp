// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "store/idempotency.hpp"
#include "store/mysql/connection.hpp"
#include "store/mysql/idempotency_table.hpp"
#include "store/mysql/migrations.hpp"
#include "store/mysql/servers.hpp"
#include "store/outage_log.hpp"
#include "store/shared_writes.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace msd::store::mysql {

/// The number for a key: reads of the key go to a server on which its last write is visible.
[[nodiscard]] inline thing thing_of(std::string_view key) {
    return std::hash<std::string_view>{}(key);
}
[[nodiscard]] inline thing thing_of(std::int64_t key) {
    return static_cast<std::uint64_t>(key);
}
/// The number for a new row, which has no key yet: lists must include the row.
inline constexpr std::uint64_t new_thing = ~std::uint64_t{0};

// The database of one service on MySQL or MariaDB servers, used by one worker process. A read is
// one statement. A write is a transaction, which is committed and durable before it is answered.
// After a deadlock or a lock timeout the whole transaction is repeated.
class database {
public:
    struct settings {
        asio::any_io_executor executor;
        std::vector<server_address> at; // as servers::settings
        std::size_t replicas = 0;
        milliseconds replica_lag_max{2000};
        std::filesystem::path data_dir; // where workers share the times of writes, for replicas
        int connections_max = 8;
        schema wanted;
        std::string legacy_time_zone;
        std::optional<bool> shared_with_legacy; // nullopt: what the database has recorded
        utc_clock now_ms = utc_now_ms;          // called on the pool's threads
    };

    /// Errors: store/open.hpp. A server that is down is not an error: calls fail until it is up,
    /// and then its schema is migrated.
    static asio::awaitable<result<std::unique_ptr<database>>> open(settings chosen, deadline until);

    explicit database(settings chosen);
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// Runs `work(connection&)`, which executes one SELECT, returns result<T> and owns everything
    /// it uses. It sees all writes to `what` by this service on this machine, but may miss recent
    /// writes of others.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    read(thing what, deadline until, F work) {
        auto outcome = co_await servers_.read(what, until, std::move(work));
        update_outage_log(reading_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// The same, and it sees all committed writes.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> read_latest(deadline until, F work) {
        auto outcome = co_await servers_.read_latest(until, std::move(work));
        update_outage_log(reading_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// The same in a transaction. When `work` returns an error, its changes are rolled back; its
    /// value is returned after its changes are durable. `work` may be called more than once, each
    /// time in a new transaction. errc::unavailable also means that the connection was lost during
    /// COMMIT: the transaction may have been committed.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    write(thing what, deadline until, F work) {
        return write_with(what, connection_pool::repeat::unless_committing, until, std::move(work));
    }

    /// write() for `work` that returns result<std::int64_t>, executed once per key.
    template <class F>
    asio::awaitable<result<std::int64_t>>
    write_once(thing what, std::optional<idempotency> once, deadline until, F work) {
        if (!once) {
            return write_with(
                what,
                connection_pool::repeat::unless_committing,
                until,
                std::move(work)
            );
        }
        auto noted = [this, once = std::move(*once), work = std::move(work)](connection& on
                     ) mutable -> result<std::int64_t> {
            const auto earlier = claim(on, service_, once, chosen_.now_ms());
            if (!earlier) {
                return tl::unexpected{earlier.error()};
            }
            if (*earlier) {
                return **earlier;
            }
            auto outcome = work(on);
            if (!outcome) {
                return outcome;
            }
            if (const auto kept = note(on, service_, once, *outcome); !kept) {
                return tl::unexpected{kept.error()};
            }
            return outcome;
        };
        // After a COMMIT without an answer, the claim shows whether it was executed.
        return write_with(what, connection_pool::repeat::always, until, std::move(noted));
    }

    asio::awaitable<result<std::optional<std::int64_t>>> recall(idempotency once, deadline until);

    [[nodiscard]] std::int64_t now_ms() const { return chosen_.now_ms(); }
    [[nodiscard]] const std::string& legacy_time_zone() const { return chosen_.legacy_time_zone; }
    [[nodiscard]] std::optional<bool> shared_with_legacy() const {
        return chosen_.shared_with_legacy;
    }
    [[nodiscard]] bool down() const { return servers_.down(); }

private:
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    write_with(thing what, connection_pool::repeat when_lost, deadline until, F work) {
        auto whole = [until, work = std::move(work)](connection& on
                     ) mutable -> std::invoke_result_t<F&, connection&> {
            if (auto begun = on.begin(); !begun) {
                return tl::unexpected{std::move(begun.error())};
            }
            auto outcome = work(on);
            if (!outcome) {
                on.rollback();
                return outcome;
            }
            if (until.passed()) {
                // The call was answered with errc::timeout, so it is not committed.
                on.rollback();
                return tl::unexpected{error{errc::timeout, "no time is left to commit"}};
            }
            if (auto done = on.commit(); !done) {
                return tl::unexpected{std::move(done.error())};
            }
            return outcome;
        };
        auto outcome = co_await servers_.write(what, until, when_lost, std::move(whole));
        update_outage_log(writing_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    [[nodiscard]] servers::settings servers_settings();
    void update_outage_log(outage_log& about, const error* failed) const;

    const settings chosen_;
    const std::string service_;
    outage_log reading_;
    outage_log writing_;
    std::optional<shared_writes> shared_writes_;
    core::recent_writes own_writes_; // used when they cannot be shared
    servers servers_;
};

} // namespace msd::store::mysql
