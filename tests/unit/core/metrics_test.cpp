// SPDX-License-Identifier: Apache-2.0
#include "core/metrics.hpp"
#include "core/metrics_text.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace msd::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class metrics_of_workers : public testing::Test {
protected:
    metrics worker(std::size_t line) {
        board.line(line).beat(now);
        return metrics{board, line};
    }

    [[nodiscard]] std::vector<metric_series> read() const { return read_metrics(board, now); }

    // The value of the only series with these labels; -1: there is none.
    [[nodiscard]] std::int64_t
    value_of(metric which, const std::vector<std::string>& labels = {}) const {
        std::int64_t found = -1;
        for (const metric_series& each : read()) {
            if (each.family->which == which && each.labels == labels) {
                EXPECT_EQ(found, -1) << "the series appears twice";
                found = static_cast<std::int64_t>(each.value());
            }
        }
        return found;
    }

    [[nodiscard]] std::string text() const { return metrics_text(read()); }

    scoreboard board = *scoreboard::create();
    time_point now{std::chrono::hours{1}};
};

constexpr auto requests = metric::http_requests;

TEST_F(metrics_of_workers, are_added_up) {
    metrics first = worker(0);
    metrics second = worker(7);
    const metric_cell mine = first.cell_of(requests, {"/goods", "GET", "200"});
    mine.add();
    mine.add(4);
    second.cell_of(requests, {"/goods", "GET", "200"}).add(10);
    second.cell_of(requests, {"/goods", "GET", "404"}).add();
    EXPECT_EQ(value_of(requests, {"/goods", "GET", "200"}), 15);
    EXPECT_EQ(value_of(requests, {"/goods", "GET", "404"}), 1);
}

TEST_F(metrics_of_workers, keep_the_counts_of_dead_ones_and_drop_their_gauges) {
    metrics dies = worker(0);
    metrics lives = worker(1);
    for (metrics* const each : {&dies, &lives}) {
        each->cell_of(metric::http_connections).set(5);
        each->cell_of(requests, {"/", "GET", "200"}).add(3);
    }
    board.line(0).clear(); // as the master does
    EXPECT_EQ(value_of(metric::http_connections), 5);
    EXPECT_EQ(value_of(requests, {"/", "GET", "200"}), 6);
    metrics successor = worker(0);
    EXPECT_EQ(value_of(metric::http_connections), 5) << "the gauge of the dead worker is back";
    successor.cell_of(requests, {"/", "GET", "200"}).add();
    successor.cell_of(metric::http_connections).set(1);
    EXPECT_EQ(value_of(metric::http_connections), 6);
    EXPECT_EQ(value_of(requests, {"/", "GET", "200"}), 7);
}

TEST_F(metrics_of_workers, include_the_master_which_has_no_heartbeat) {
    metrics master{board, scoreboard::master_line};
    master.cell_of(metric::pool_slots, {"goods"}).set(2);
    master.cell_of(metric::worker_restarts, {"goods", "signal"}).add();
    EXPECT_EQ(value_of(metric::pool_slots, {"goods"}), 2);
    EXPECT_EQ(value_of(metric::worker_restarts, {"goods", "signal"}), 1);
}

TEST_F(metrics_of_workers, put_durations_into_buckets) {
    metrics mine = worker(0);
    const duration_cells cells = mine.durations_of(metric::http_request_duration, {"/goods"});
    cells.note(nanoseconds{-1}); // a clock that went back
    cells.note(std::chrono::microseconds{500});
    cells.note(nanoseconds{500'001});
    cells.note(milliseconds{10'000});
    cells.note(milliseconds{10'001});
    const std::string written = text();
    const std::string name = "msd_http_request_duration_seconds";
    for (const auto& [end, count] : std::vector<std::pair<std::string, int>>{
             {"0.0005", 2},
             {"0.001", 3},
             {"0.0025", 3},
             {"5", 3},
             {"10", 4},
             {"+Inf", 5}}) {
        EXPECT_NE(
            written.find(
                name + "_bucket{route=\"/goods\",le=\"" + end + "\"} " + std::to_string(count) +
                "\n"
            ),
            std::string::npos
        ) << end
          << " in " << written;
    }
    EXPECT_NE(written.find(name + "_count{route=\"/goods\"} 5\n"), std::string::npos);
    EXPECT_NE(written.find(name + "_sum{route=\"/goods\"} 20.002000001\n"), std::string::npos)
        << written;
}

TEST_F(metrics_of_workers, show_state_that_all_share_once) {
    metrics first = worker(0);
    metrics second = worker(7);
    constexpr auto breaker = metric::breaker_state;
    shared_gauges of_first;
    shared_gauges of_second;
    const auto note = [](shared_gauges& to, metrics& by, const char* route, std::uint64_t value) {
        to.note(by.cell_of(metric::breaker_state, {"shop", route}), value);
    };
    note(of_first, first, "/a", 2);
    note(of_first, first, "/b", 1);
    note(of_second, second, "/a", 2);
    of_first.publish();
    of_second.publish();
    EXPECT_EQ(value_of(breaker, {"shop", "/a"}), 2) << "not the sum";
    EXPECT_EQ(value_of(breaker, {"shop", "/b"}), 1);
    EXPECT_NE(text().find("# TYPE msd_breaker_state gauge\n"), std::string::npos);

    // Several values for one series: the largest. What is not noted any more becomes 0.
    note(of_first, first, "/a", 1);
    note(of_first, first, "/a", 2);
    note(of_first, first, "/a", 0);
    of_first.publish();
    of_second.publish();
    EXPECT_EQ(value_of(breaker, {"shop", "/a"}), 2);
    EXPECT_EQ(value_of(breaker, {"shop", "/b"}), 0);

    // A worker that has ended has no say.
    board.line(0).clear();
    EXPECT_EQ(value_of(breaker, {"shop", "/a"}), 0);
    const metrics successor{board, 0};
    board.line(0).beat(now);
    EXPECT_EQ(value_of(breaker, {"shop", "/a"}), 0);
}

TEST_F(metrics_of_workers, are_written_as_prometheus_reads_them) {
    metrics mine = worker(0);
    mine.cell_of(requests, {"a \"quoted\\\n\x7f\xff route", "GET", "200"}).add(7);
    mine.cell_of(metric::http_connections).add();
    mine.cell_of(metric::http_connections).subtract(3);
    EXPECT_EQ(
        text(),
        "# HELP msd_http_requests_total Requests of clients by route, method and status; code 0: "
        "no reply was sent.\n"
        "# TYPE msd_http_requests_total counter\n"
        "msd_http_requests_total{route=\"a \\\"quoted\\\\??\xef\xbf\xbd route\",method=\"GET\","
        "code=\"200\"} 7\n"
        "# HELP msd_http_connections Open connections of clients to the gateway.\n"
        "# TYPE msd_http_connections gauge\n"
        "msd_http_connections -2\n"
    );
}

TEST_F(metrics_of_workers, add_further_series_up_in_one) {
    metrics mine = worker(0);
    const std::size_t most = family_of(requests).series_max;
    for (std::size_t number = 0; number < most + 5; ++number) {
        mine.cell_of(requests, {std::to_string(number), "GET", "200"}).add();
    }
    EXPECT_EQ(value_of(requests, {"other", "other", "other"}), 5);
    EXPECT_EQ(value_of(requests, {std::to_string(most - 1), "GET", "200"}), 1);
    metrics second = worker(1);
    second.cell_of(requests, {"0", "GET", "200"}).add();
    second.cell_of(requests, {"new", "GET", "200"}).add();
    EXPECT_EQ(value_of(requests, {"0", "GET", "200"}), 2);
    EXPECT_EQ(value_of(requests, {"other", "other", "other"}), 6);
}

TEST_F(metrics_of_workers, have_room_for_every_series_that_is_allowed) {
    std::size_t series = 0;
    std::size_t cells = 0;
    for (const metric_family& each : metric_families()) {
        const std::size_t most = each.series_max + 1; // and "other"
        series += most;
        cells += most * cells_of(each.kind);
    }
    EXPECT_LE(series, metric_names::series_max);
    EXPECT_LE(cells, metric_block::cells_max);
}

TEST_F(metrics_of_workers, cut_labels_that_are_too_long) {
    metrics mine = worker(0);
    const std::string too_long(1000, 'x');
    mine.cell_of(requests, {too_long, too_long, too_long}).add();
    const std::string cut = too_long.substr(0, metric_names::label_bytes_max);
    EXPECT_EQ(value_of(requests, {cut, cut, cut}), 1);
}

TEST_F(metrics_of_workers, without_memory_count_nothing) {
    metrics none;
    none.cell_of(requests, {"", "", ""}).add();
    none.durations_of(metric::http_request_duration, {""}).note(milliseconds{1});
    followed_counter{}.follow(3);
}

TEST_F(metrics_of_workers, follow_a_counter_that_is_kept_elsewhere) {
    metrics mine = worker(0);
    const metric_cell cell = mine.cell_of(metric::worker_requests, {"goods"});
    cell.add(100); // of an earlier worker of the line
    followed_counter counter{cell};
    counter.follow(2);
    counter.follow(5);
    EXPECT_EQ(value_of(metric::worker_requests, {"goods"}), 105);
}

TEST_F(metrics_of_workers, merge_a_series_that_two_workers_added_at_the_same_time) {
    metrics first = worker(0);
    first.cell_of(requests, {"/", "GET", "200"}).add(1);
    // The second entry, as a worker writes that did not see the first one.
    metric_names& names = names_of(board);
    auto& copied = names.entries.at(1);
    copied.cell = 1;
    copied.kind = names.entries.at(0).kind.load();
    copied.length = names.entries.at(0).length.load();
    copied.text = names.entries.at(0).text;
    names.hashes.at(1) = names.hashes.at(0).load();
    names.series_used = 2;
    metric_block& block = block_of(board, 0);
    block.cells.at(1) = 10;
    EXPECT_EQ(value_of(requests, {"/", "GET", "200"}), 11);
}

// The child is killed at any moment of adding series and counting.
TEST_F(metrics_of_workers, stay_usable_when_a_writer_is_killed) {
    constexpr int rounds = 10;
    metrics survivor = worker(1);
    for (int round = 0; round < rounds; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            metrics mine{board, 0};
            for (std::uint64_t count = 0;; ++count) {
                const std::string route = std::to_string(count % 1000);
                mine.cell_of(requests, {route, "GET", "200"}).add();
                mine.durations_of(metric::http_request_duration, {route}).note(nanoseconds{count});
            }
        }
        const auto counted = [this] {
            std::uint64_t sum = 0;
            for (const metric_series& each : read()) {
                sum += each.value();
            }
            return sum;
        };
        for (const std::uint64_t before = counted(); counted() == before;) {
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status));
        const std::uint64_t before = counted();
        survivor.cell_of(requests, {"survivor", "GET", "200"}).add();
        EXPECT_EQ(counted(), before + 1);
    }
    EXPECT_EQ(value_of(requests, {"survivor", "GET", "200"}), rounds);
}

// Whatever a hostile worker has written, readers and writers go on.
TEST_F(metrics_of_workers, survive_any_bytes) {
    std::mt19937 random{7};
    const auto names = board.metric_names();
    const auto block = board.metrics(0);
    for (int round = 0; round < 24; ++round) {
        metrics before = worker(0);
        before.cell_of(requests, {"/", "GET", "200"}).add();
        before.cell_of(metric::http_connections).add();
        const int kind = round % 3;
        if (kind == 0) {
            std::memset(names.data(), static_cast<int>(random() & 0xffU), names.size());
        } else if (kind == 1) {
            for (std::size_t at = 0; at < names.size(); ++at) {
                names[at] = static_cast<std::byte>(random());
            }
        } else { // plausible ones: damage single bytes
            for (int count = 0; count < 2000; ++count) {
                names[random() % 20'000] = static_cast<std::byte>(random());
            }
        }
        for (std::size_t at = 0; at < 4096; ++at) {
            block[at] = static_cast<std::byte>(random());
        }
        const std::string written = text();
        EXPECT_LT(written.size(), 8U << 20);
        metrics after = worker(2);
        after.cell_of(requests, {"/", "GET", "200"}).add();
        after.durations_of(metric::http_request_duration, {"/"}).note(milliseconds{1});
        if (round % 4 == 3) {
            std::memset(names.data(), 0, names.size());
            std::memset(block.data(), 0, block.size());
        }
    }
}

} // namespace
} // namespace msd::core
