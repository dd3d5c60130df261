// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/servers.hpp"

#include "base/log.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace msd::store::mysql {

namespace {

constexpr milliseconds watched_every_max{500};
constexpr int watched_per_lag = 4; // queries per lag_max, so that a replica's age is exact enough

constexpr milliseconds started_looks_every{5};
// For results that exist once the first probe of each server was made.
constexpr milliseconds denial_is_known_within{100};

} // namespace

// The state of several servers. Shared with the functions that the watching threads post to the
// loop, which may run after the servers were destroyed.
struct servers::state : std::enable_shared_from_this<state> {
    state(const settings& of)
        : executor{of.executor},
          name{of.name},
          choice{{.servers = of.at.size(), .replicas = of.replicas, .lag_max = of.lag_max}},
          has_answered(of.at.size()),
          prepared(of.at.size()) {}

    void record_report(std::size_t server, const core::server_report& report, time_point asked) {
        choice.answered(server, report, asked);
        has_answered[server] = true;
        look();
    }

    void silent(std::size_t server, time_point now) {
        choice.failed(server, now);
        has_answered[server] = true;
        look();
    }

    // Logs a new primary, and prepares it if it accepts writes for the first time.
    void look() {
        const auto now = choice.primary();
        if (now && now != last_primary) {
            if (last_primary) {
                log::warning("{}: writes are sent to server {} from now on", name, *now + 1);
            }
            last_primary = now;
        }
        if (now && primary_changed) {
            primary_changed(*now);
        }
        const bool split = choice.writable() > 1;
        if (split && !has_logged_split) {
            log::error(
                "{}: {} servers accept writes and are not one cluster: set read_only on all but "
                "one",
                name,
                choice.writable()
            );
        }
        has_logged_split = split;
    }

    const asio::any_io_executor executor;
    const std::string name;
    core::server_choice choice;
    std::vector<bool> has_answered; // the server has answered or failed at least once
    // The server is prepared for writes; set by the pools' threads.
    std::vector<std::atomic<bool>> prepared;
    std::optional<std::size_t> last_primary;
    bool has_logged_split = false;
    std::function<void(std::size_t)> primary_changed;
};

servers::servers(settings chosen) : chosen_{std::move(chosen)} {
    if (chosen_.at.size() > 1) {
        state_ = std::make_shared<state>(chosen_);
    }
    for (std::size_t i = 0; i < chosen_.at.size(); ++i) {
        pools_.push_back(std::make_unique<connection_pool>(pool_settings(i)));
    }
    if (!state_) {
        return;
    }
    state_->primary_changed = [this](std::size_t server) {
        if (chosen_.prepare && !state_->prepared[server]) {
            pools_[server]->prepare_again();
        }
    };
    const auto every = std::min(watched_every_max, chosen_.lag_max / watched_per_lag);
    for (std::size_t i = 0; i < chosen_.at.size(); ++i) {
        auto on_report = [shared = std::weak_ptr{state_},
                          executor = chosen_.executor,
                          i](const core::server_report* report, time_point asked) {
            auto on_loop = [shared,
                            i,
                            asked,
                            report = report != nullptr ? std::optional{*report} : std::nullopt] {
                const auto known = shared.lock();
                if (known && report) {
                    known->record_report(i, *report, asked);
                } else if (known) {
                    known->silent(i, asked);
                }
            };
            asio::post(executor, std::move(on_loop));
        };
        watches_.push_back(std::make_unique<server_watch>(server_watch::settings{
            .at = chosen_.at[i],
            .every = every,
            .on_report = std::move(on_report)}));
    }
}

servers::~servers() {
    if (state_) {
        state_->primary_changed = nullptr;
    }
}

bool servers::is_replica(std::size_t server) const {
    return server >= chosen_.at.size() - chosen_.replicas;
}

// A server that accepts no writes gets its schema by replication.
connection_pool::settings servers::pool_settings(std::size_t server) {
    connection_pool::settings made;
    made.executor = chosen_.executor;
    made.name = chosen_.name;
    made.at = chosen_.at[server];
    made.connections_max = chosen_.connections_max;
    made.upkeep = chosen_.upkeep;
    if (!state_) {
        if (chosen_.prepare) {
            made.prepare = [prepare = chosen_.prepare, at = made.at](connection& first) {
                return prepare(first, at);
            };
        }
        return made;
    }
    made.name = fmt::format("{}, server {}", chosen_.name, server + 1);
    made.one_of_several = true;
    made.prepare = [shared = state_,
                    prepare = chosen_.prepare,
                    at = made.at,
                    server,
                    replica = is_replica(server)](connection& first) -> result<void> {
        auto report = ask_report(first);
        if (!report) {
            return tl::unexpected{std::move(report.error())};
        }
        if (!prepare || !core::server_choice::takes_writes(*report, replica)) {
            return {};
        }
        auto done = prepare(first, at);
        if (done) {
            shared->prepared[server] = true;
        }
        return done;
    };
    if (chosen_.upkeep) {
        made.upkeep = [upkeep = chosen_.upkeep, replica = is_replica(server)](connection& on) {
            const auto report = ask_report(on);
            return report && core::server_choice::takes_writes(*report, replica) && upkeep(on);
        };
    }
    return made;
}

asio::awaitable<result<void>> servers::start(deadline until) {
    if (!state_) {
        auto started = co_await pools_[0]->start(until);
        co_return started;
    }
    const auto have_all_reported = [this] {
        return std::ranges::all_of(state_->has_answered, std::identity{});
    };
    asio::steady_timer pause{chosen_.executor};
    while (!state_->choice.primary() && !have_all_reported() && !until.passed()) {
        pause.expires_after(started_looks_every);
        co_await pause.async_wait(asio::use_awaitable);
    }
    for (std::size_t i = 0; i < pools_.size(); ++i) {
        // The schema of the primary is migrated before it is used.
        const auto limit = state_->choice.primary() == i
                               ? until
                               : deadline::in(denial_is_known_within).sooner(until);
        auto started = co_await pools_[i]->start(limit);
        if (!started) {
            co_return started;
        }
    }
    co_return result<void>{};
}

bool servers::down() const {
    return !state_ && pools_[0]->down();
}

void servers::note(thing what) {
    if (chosen_.writes == nullptr) {
        return;
    }
    if (what) {
        chosen_.writes->note(*what, clock::now());
    } else {
        chosen_.writes->note_all(clock::now());
    }
}

std::optional<std::size_t> servers::route::next() {
    std::optional<std::size_t> found = 0;
    if (among_->state_) {
        auto& choice = among_->state_->choice;
        const bool choose_reader =
            !wanted_.latest && among_->chosen_.replicas > 0 && tried_.empty();
        found = choose_reader ? choice.reader(wanted_.what, *among_->chosen_.writes, clock::now())
                              : choice.primary();
        at_replica_ = found && found != choice.primary();
    }
    if (!found || std::ranges::find(tried_, *found) != tried_.end()) {
        return std::nullopt;
    }
    at_ = *found;
    tried_.push_back(at_);
    return found;
}

deadline servers::route::limit(deadline until) const {
    if (!at_replica_) {
        return until;
    }
    const auto now = clock::now();
    return deadline{now + until.left(now) * replica_share_percent / 100};
}

bool servers::route::again(
    const error& failed,
    const connection_pool::call_end& end,
    deadline until
) {
    last_ = failed;
    // After a timeout the running call still uses `end`.
    const bool is_under_way = failed.code == errc::timeout || failed.code == errc::cancelled;
    if (wanted_.maybe_made != nullptr && (is_under_way || end.maybe_made)) {
        *wanted_.maybe_made = true;
    }
    if (failed.code == errc::cancelled || until.passed()) {
        return false;
    }
    if (failed.code == errc::timeout) {
        // The running call may still use `end`.
        among_->watches_[at_]->ask_now();
        if (at_replica_) {
            among_->state_->silent(at_, clock::now());
        }
        return at_replica_;
    }
    const bool elsewhere = end.what && learn(*end.what, end.maybe_made);
    // A replica may lack recent rows: the read is repeated at the primary.
    return elsewhere || at_replica_;
}

// Updates the state of the server after a failure; true: another server may execute the call.
bool servers::route::learn(const failure& what, bool maybe_made) {
    const auto now = clock::now();
    auto& known = *among_->state_;
    switch (what.kind) {
    case failure_kind::unreachable:
    case failure_kind::denied:
    case failure_kind::lost:
        known.silent(at_, now);
        break;
    case failure_kind::read_only:
        known.choice.refused_write(at_, now);
        known.look();
        break;
    case failure_kind::again:
        if (what.code != not_ready_code) {
            return false;
        }
        known.silent(at_, now);
        break;
    default:
        return false;
    }
    among_->watches_[at_]->ask_now();
    return !maybe_made || wanted_.when_lost == connection_pool::repeat::always;
}

error servers::route::why() const {
    if (last_) {
        return *last_;
    }
    return {
        errc::unavailable,
        wanted_.latest ? "no server accepts writes" : "no server accepts reads"};
}

} // namespace msd::store::mysql
