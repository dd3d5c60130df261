// SPDX-License-Identifier: Apache-2.0
#include "services/goods_changes.hpp"

#include "net/use_tuple.hpp"
#include "services/goods_lookup.hpp"
#include "store/redis/shared_cache.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace msd::services {

namespace {

// Whether the store reported that nothing was written.
bool is_untouched(const result<std::int64_t>& outcome) {
    return !outcome &&
           (outcome.error().code == errc::not_found || outcome.error().code == errc::conflict ||
            outcome.error().code == errc::invalid);
}

} // namespace

goods_changes::goods_changes(const service_context& context)
    : context_{context},
      tasks_{context.executor, net::log_failures("goods changes")},
      doubt_timer_{context.executor} {}

goods_changes::~goods_changes() = default;

result<void> goods_changes::start() {
    auto opened = store::redis::open_shared_cache(
        context_.executor,
        context_.settings.cache,
        context_.settings.shared
    );
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    shared_ = std::move(*opened);
    return {};
}

asio::awaitable<void> goods_changes::stop() {
    constexpr milliseconds last_look{200};
    tasks_.terminate();
    const bool ended = co_await tasks_.drained(last_look);
    (void)ended;
    if (shared_) {
        co_await shared_->stop();
        shared_.reset();
    }
}

asio::awaitable<time_point> goods_changes::begins(std::int64_t id, deadline until) {
    using store::redis::shared_cache;
    const time_point began = clock::now();
    const bool known = co_await remove(id, until.halfway());
    co_return known ? began + (shared_cache::mark_stands - shared_cache::fill_within)
                    : time_point::min();
}

asio::awaitable<bool> goods_changes::remove(std::int64_t id, deadline until) {
    if (!shared_) {
        co_return false; // other processes may use one
    }
    auto key = goods_cache_key(id);
    const bool known = co_await shared_->remove(std::move(key), until);
    co_return known;
}

asio::awaitable<void> goods_changes::ended(std::int64_t id, end how) {
    if (is_untouched(*how.outcome)) {
        co_return;
    }
    if (!*how.outcome && doubts_.size() < doubts_max) {
        doubts_[id] = clock::now() + doubt_lasts;
        if (tasks_.size() == 0) {
            tasks_.spawn(announce_doubtful());
        }
    }
    co_await announce(id, clock::now() <= how.known_until, how.until);
}

// The announcement includes whether the shared cache has the mark.
asio::awaitable<void> goods_changes::announce(std::int64_t id, bool known, deadline until) {
    ++announced_;
    wire::change made{std::string{goods_kind}, {id}};
    if (known) {
        context_.changes.announce_change(made);
        co_await remove(id, until);
    } else {
        const bool known_now = co_await remove(id, until);
        made.untold = !known_now;
        context_.changes.announce_change(made);
    }
}

// Runs until no outcome is unknown any more.
asio::awaitable<void> goods_changes::announce_doubtful() {
    while (!doubts_.empty()) {
        doubt_timer_.expires_after(doubt_every);
        const auto [woken] = co_await doubt_timer_.async_wait(net::use_tuple);
        if (woken) {
            co_return;
        }
        std::vector<std::int64_t> ids;
        ids.reserve(doubts_.size());
        const time_point now = clock::now();
        for (const auto& [id, until] : doubts_) {
            ids.push_back(id);
        }
        for (const std::int64_t id : ids) {
            if (on_doubt_) {
                on_doubt_(id);
            }
            co_await announce(id, false, deadline::never());
        }
        std::erase_if(doubts_, [now](const auto& each) { return each.second <= now; });
    }
}

void goods_changes::write_figures(json::writer& out) const {
    out.key("changes_told").unsigned_integer(announced_);
    out.key("changes_in_doubt").unsigned_integer(doubts_.size());
    if (shared_) {
        out.key("cache").begin_object();
        shared_->write_figures(out);
        out.end_object();
    }
}

} // namespace msd::services
