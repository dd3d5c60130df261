// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/server_watch.hpp"

#include "net/quiet_thread.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace msd::store::mysql {

namespace {

constexpr std::string_view ask_variables =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'gtid_current_pos', 'wsrep_on')";
constexpr std::string_view ask_cluster =
    "SHOW GLOBAL STATUS WHERE Variable_name IN "
    "('wsrep_ready', 'wsrep_cluster_status', 'wsrep_last_committed')";
constexpr std::string_view ask_replication = "SHOW ALL SLAVES STATUS";
constexpr std::string_view ask_replication_running =
    "SHOW GLOBAL STATUS WHERE Variable_name = 'Slave_running'";

// Minimum time between queries, however many calls fail.
constexpr milliseconds asked_again_after{50};

// The columns of SHOW ALL SLAVES STATUS with the states of the two replication threads.
constexpr std::size_t io_running = 12;
constexpr std::size_t sql_running = 13;

// Calls `each` with the name and the value of every row.
template <class Each>
result<void> for_pairs(connection& on, std::string_view statement, Each each) {
    query rows{on, statement};
    for (;;) {
        const auto more = rows.next();
        if (!more) {
            return tl::unexpected{more.error()};
        }
        if (!*more) {
            return {};
        }
        each(rows.text(0), rows.text(1));
    }
}

result<void> read_cluster(connection& on, core::server_report& into) {
    into.ready = true;
    into.position.reset();
    return for_pairs(on, ask_cluster, [&into](std::string_view name, std::string_view value) {
        if (name == "wsrep_ready") {
            into.ready = into.ready && value == "ON";
        } else if (name == "wsrep_cluster_status") {
            into.ready = into.ready && value == "Primary";
        } else {
            std::uint64_t number = 0;
            const char* const end = value.data() + value.size();
            if (std::from_chars(value.data(), end, number).ptr == end) {
                into.position = core::replication_position{number};
            }
        }
    });
}

// Both threads stopped means that replication was stopped on purpose. In every other state it may
// resume.
result<void> read_replication(connection& on, core::server_report& into) {
    {
        query rows{on, ask_replication};
        auto more = rows.next();
        while (more && *more) {
            const bool stopped = rows.text(io_running) == "No" && rows.text(sql_running) == "No";
            into.replicating = into.replicating || !stopped;
            more = rows.next();
        }
        if (more) {
            return {};
        }
        if (on.lost() || !on.failed() || on.failed()->kind != failure_kind::denied) {
            return tl::unexpected{more.error()};
        }
    }
    on.forget_failure();
    const auto read = [&into](std::string_view /*name*/, std::string_view value) {
        into.replicating = value == "ON";
    };
    return for_pairs(on, ask_replication_running, read);
}

} // namespace

result<core::server_report> ask_report(connection& on) {
    core::server_report report;
    report.position.reset();
    const auto read = [&report](std::string_view name, std::string_view value) {
        if (name == "read_only") {
            report.read_only = value != "OFF";
        } else if (name == "wsrep_on") {
            report.in_cluster = value == "ON";
        } else {
            report.position = core::replication_position::parse(value);
        }
    };
    auto done = for_pairs(on, ask_variables, read);
    if (done && report.in_cluster) {
        done = read_cluster(on, report);
    } else if (done && on.facts().is_mariadb) {
        done = read_replication(on, report);
    }
    if (!done) {
        return tl::unexpected{std::move(done.error())};
    }
    return report;
}

server_watch::server_watch(settings chosen) : chosen_{std::move(chosen)} {
    chosen_.at.connect_timeout = std::min(chosen_.at.connect_timeout, answer_within);
    chosen_.at.call_timeout = answer_within;
    thread_ = net::quiet_thread([this] { watch(); });
}

server_watch::~server_watch() {
    {
        const std::lock_guard held{mutex_};
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void server_watch::ask_now() {
    {
        const std::lock_guard held{mutex_};
        asked_for_ = true;
    }
    wake_.notify_one();
}

void server_watch::watch() {
    std::unique_lock held{mutex_};
    while (!stopping_) {
        asked_for_ = false;
        held.unlock();
        const auto asked = clock::now();
        const auto last = ask();
        if (!last.busy) {
            chosen_.on_report(last.report ? &*last.report : nullptr, asked);
        }
        held.lock();
        wake_.wait_until(held, asked + asked_again_after, [this] { return stopping_; });
        wake_.wait_until(held, asked + chosen_.every, [this] { return stopping_ || asked_for_; });
    }
    held.unlock();
    on_.reset();
}

// A connection that was closed since the last query does not show the server's state: the query is
// repeated once on a new connection.
server_watch::answer server_watch::ask() {
    for (const bool is_new : {!on_.has_value(), true}) {
        if (!on_) {
            auto opened = connection::open(chosen_.at);
            if (!opened) {
                return {std::nullopt, opened.error().kind == failure_kind::full};
            }
            on_.emplace(std::move(*opened));
        }
        const auto began = clock::now();
        if (auto report = ask_report(*on_)) {
            return {std::move(*report)};
        }
        on_.reset();
        if (is_new || clock::now() - began >= answer_within) {
            break;
        }
    }
    return {};
}

} // namespace msd::store::mysql
