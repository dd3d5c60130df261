// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/connection_pool.hpp"

#include "base/backoff.hpp"
#include "store/mysql/connection_pool_state.hpp"

#include <thread>

namespace msd::store::mysql {

namespace {

constexpr milliseconds pause_first{5};
constexpr milliseconds pause_longest{100};
constexpr double pause_jitter = 0.5;

constexpr int lost_max = 2; // connections that one call may lose

// A timeout after less time than this does not show that the server is slow. The same is true of a
// call that waited for other calls, which the server answered.
constexpr milliseconds telling_timeout{250};
// Time between two results of a call that waits for a lock: lock_wait_s and a pause.
constexpr milliseconds longest_pause{1500};

} // namespace

connection_pool::connection_pool(settings chosen)
    : state_{std::make_shared<state>(std::move(chosen))},
      lane_{
          state_->chosen.executor,
          {.threads = state_->chosen.connections_max, .calls_max = calls_max, .batch_max = 1}} {
    state_->start_keeper();
}

connection_pool::~connection_pool() {
    state_->stop_keeper();
    lane_.stop();
}

asio::awaitable<result<void>> connection_pool::start(deadline until) {
    auto wait = [shared = state_, until] {
        return shared->wait_first_probe(until);
    };
    auto probed = co_await lane_.run(until, std::move(wait));
    if (!probed && probed.error().code == errc::timeout) {
        co_return result<void>{};
    }
    co_return probed;
}

bool connection_pool::down() const {
    const std::lock_guard held{state_->mutex};
    return state_->server == state::condition::down;
}

int connection_pool::connections() const {
    const std::lock_guard held{state_->mutex};
    return state_->open;
}

std::optional<error> connection_pool::refusal() const {
    return state_->refusal();
}

void connection_pool::timed_out(time_point begun) {
    const auto now = clock::now();
    const auto silent = std::min<clock::duration>(now - begun, longest_pause);
    if (now - begun >= telling_timeout && !state_->answered_since(now - silent)) {
        state_->suspect({failure_kind::too_slow, 0});
    }
}

void connection_pool::prepare_again() {
    state_->prepare_again();
}

connection_pool::attempts::attempts(state& shared, deadline until, repeat when_lost, call_end* end)
    : shared_{shared},
      until_{until},
      when_lost_{when_lost},
      end_{end} {}

connection_pool::attempts::~attempts() {
    give_back();
}

connection* connection_pool::attempts::next() {
    auto lent = shared_.lend(until_);
    if (!lent) {
        why_ = std::move(lent.error());
        if (end_ != nullptr && why_.code == errc::unavailable) {
            *end_ = {failure{failure_kind::unreachable, 0}, false};
        }
        return nullptr;
    }
    lent_at_ = clock::now();
    lent_.emplace(std::move(*lent));
    return &*lent_;
}

bool connection_pool::attempts::again(bool succeeded) {
    ++made_;
    if (!lent_) {
        return false;
    }
    const auto* const failed = lent_->failed();
    if (end_ != nullptr) {
        *end_ = {};
    }
    if (succeeded || failed == nullptr) {
        give_back();
        return false;
    }
    const failure what = *failed;
    if (end_ != nullptr) {
        *end_ = {what, lent_->commit_unknown()};
    }
    lost_ += lent_->lost() ? 1 : 0;
    const bool once_more = decide(*lent_, what);
    give_back();
    if (once_more && what.kind == failure_kind::again) {
        const auto pause = backoff_delay(made_, pause_first, pause_longest, pause_jitter);
        std::this_thread::sleep_for(std::min(pause, until_.left()));
    }
    return once_more && !until_.passed();
}

bool connection_pool::attempts::decide(const connection& used, failure what) const {
    if (made_ >= attempts_max || until_.passed()) {
        return false;
    }
    if (what.kind == failure_kind::again) {
        return what.code != not_ready_code || !shared_.chosen.one_of_several;
    }
    if (what.kind != failure_kind::lost || lost_ > lost_max) {
        return false;
    }
    if (clock::now() - lent_at_ >= shared_.chosen.at.call_timeout) {
        shared_.suspect(what);
        return false;
    }
    shared_.distrust_unused();
    return when_lost_ == repeat::always || !used.commit_unknown();
}

void connection_pool::attempts::give_back() {
    if (!lent_) {
        return;
    }
    lent_->rollback();
    // The state of a connection is unknown after a call that timed out.
    if (lent_->lost() || until_.passed()) {
        lent_.reset();
    } else {
        lent_->forget_failure();
    }
    shared_.take_back(std::exchange(lent_, std::nullopt));
}

} // namespace msd::store::mysql
