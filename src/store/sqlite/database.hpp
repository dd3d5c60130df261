// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/blocking_lane.hpp"
#include "store/idempotency.hpp"
#include "store/outage_log.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/idempotency_table.hpp"
#include "store/sqlite/migrations.hpp"
#include "store/sqlite/write_turn.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace msd::store::sqlite {

// One SQLite file, used by one worker process; other processes use the same file at the same time.
// Reads and writes have a lane and a connection each, so that a writer that waits for its turn
// never delays a read. All calls that are queued on a lane run in one transaction: for reads, one
// snapshot for many calls is cheaper than one per call; for writes, one sync of the disk makes many
// of them durable. Each write has a savepoint of its own, and no write is answered before the
// commit.
//
// After an error from below SQL the connection is closed and the next call opens a new one, so a
// disk that was full or missing is used again as soon as possible.
class database {
public:
    static constexpr std::size_t calls_max = 1024; // per lane; beyond: errc::unavailable
    static constexpr std::size_t read_batch_max = 64;
    // Limits how long other processes wait for their turn.
    static constexpr std::size_t write_batch_max = 256;

    struct settings {
        asio::any_io_executor executor;
        std::filesystem::path file; // the lock file is in the same directory
        schema wanted;
        utc_clock now_ms = utc_now_ms; // called on the write lane's thread
    };

    /// Errors: store/open.hpp.
    static asio::awaitable<result<std::unique_ptr<database>>> open(settings chosen, deadline until);

    explicit database(settings chosen);
    /// Waits for running calls. No caller may still wait for a result.
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// Runs `work(connection&)` on the read lane's thread, in a transaction that sees every write
    /// that was answered before. `work` returns result<T> and owns everything it uses.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> read(deadline until, F work) {
        auto call = [this, work = std::move(work)]() mutable {
            return work(*reader_);
        };
        auto outcome = co_await read_lane_.run(until, std::move(call));
        update_outage_log(reading_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// The same on the write lane. When `work` returns an error, its changes are rolled back; its
    /// value is returned after its changes are durable.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> write(deadline until, F work) {
        auto call = [this, work = std::move(work)]() mutable {
            return work(*writer_);
        };
        auto outcome = co_await write_lane_.run(until, std::move(call));
        update_outage_log(writing_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// write() for `work` that returns result<std::int64_t>, executed once per key.
    template <class F>
    asio::awaitable<result<std::int64_t>>
    write_once(std::optional<idempotency> once, deadline until, F work) {
        auto noted = [this, once = std::move(once), work = std::move(work)](connection& on
                     ) mutable -> result<std::int64_t> {
            if (!once) {
                return work(on);
            }
            const std::int64_t now_ms = chosen_.now_ms();
            const auto earlier = sqlite::recall(on, *once, now_ms);
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
            if (const auto kept = note(on, *once, *outcome, now_ms); !kept) {
                return tl::unexpected{kept.error()};
            }
            return outcome;
        };
        return write(until, std::move(noted));
    }

    asio::awaitable<result<std::optional<std::int64_t>>> recall(idempotency once, deadline until);

    [[nodiscard]] std::int64_t now_ms() const { return chosen_.now_ms(); }

private:
    using jobs = std::span<net::blocking_lane::job* const>;

    // Run on the lanes' threads.
    void read_batch(jobs batch);
    [[nodiscard]] result<void> read_all(jobs batch);
    void write_batch(jobs batch);
    [[nodiscard]] result<void> write_in_turn(jobs batch);
    [[nodiscard]] result<connection> open_writer() const;
    [[nodiscard]] static result<void> write_all(connection& writer, jobs batch);
    [[nodiscard]] static result<void> write_one(connection& writer, net::blocking_lane::job& one);

    static void update_outage_log(outage_log& about, const error* failed);

    const settings chosen_;
    outage_log reading_;
    outage_log writing_;

    // Each is used by its lane's thread only.
    std::optional<connection> reader_;
    std::optional<connection> writer_;
    std::optional<write_turn> turn_;

    // Declared last: their threads use all members above.
    net::blocking_lane read_lane_;
    net::blocking_lane write_lane_;
};

} // namespace msd::store::sqlite
