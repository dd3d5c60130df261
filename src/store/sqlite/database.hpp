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

// One SQLite file as one worker process uses it; other processes use the same file at the same
// time. Reads and writes have a lane and a connection each, so a writer that waits for its turn
// never delays a read. What has queued up on a lane runs in one transaction: reads, because a
// snapshot for many is cheaper than one for each; writes, because one sync of the disk then makes
// many of them durable. Each write stands alone in a savepoint, and none is answered before the
// commit.
//
// A connection that meets an error from below SQL is given up and opened anew by the next call, so
// a disk that was full or gone is used again as soon as it is back.
class database {
public:
    static constexpr std::size_t calls_max = 1024; // per lane; beyond: errc::unavailable
    static constexpr std::size_t read_batch_max = 64;
    // Bounds how long the other processes wait for their turn.
    static constexpr std::size_t write_batch_max = 256;

    struct settings {
        asio::any_io_executor executor;
        std::filesystem::path file; // the lock file lies beside it
        schema wanted;
        utc_clock now_ms = utc_now_ms; // called on the write lane's thread
    };

    /// Errors: store/open.hpp.
    static asio::awaitable<result<std::unique_ptr<database>>> open(settings chosen, deadline until);

    explicit database(settings chosen);
    /// Waits for the calls that run. Nobody may await one any more.
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// Runs `work(connection&)`, which returns result<T> and owns what it touches, on the read
    /// lane's thread inside a transaction that sees every write answered before.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> read(deadline until, F work) {
        auto call = [this, work = std::move(work)]() mutable {
            return work(*reader_);
        };
        auto outcome = co_await read_lane_.run(until, std::move(call));
        tell(reading_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// The same on the write lane. What `work` did is undone when it returns an error, and durable
    /// before its value is returned here.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> write(deadline until, F work) {
        auto call = [this, work = std::move(work)]() mutable {
            return work(*writer_);
        };
        auto outcome = co_await write_lane_.run(until, std::move(call));
        tell(writing_, outcome ? nullptr : &outcome.error());
        co_return outcome;
    }

    /// write() for `work` that returns result<std::int64_t>, done once per key.
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

    // The lanes' threads.
    void read_batch(jobs batch);
    [[nodiscard]] result<void> read_all(jobs batch);
    void write_batch(jobs batch);
    [[nodiscard]] result<void> write_in_turn(jobs batch);
    [[nodiscard]] result<connection> open_writer() const;
    [[nodiscard]] static result<void> write_all(connection& writer, jobs batch);
    [[nodiscard]] static result<void> write_one(connection& writer, net::blocking_lane::job& one);

    static void tell(outage_log& about, const error* failed);

    const settings chosen_;
    outage_log reading_;
    outage_log writing_;

    // Each belongs to its lane's thread.
    std::optional<connection> reader_;
    std::optional<connection> writer_;
    std::optional<write_turn> turn_;

    // Last: their threads use all of the above.
    net::blocking_lane read_lane_;
    net::blocking_lane write_lane_;
};

} // namespace msd::store::sqlite
