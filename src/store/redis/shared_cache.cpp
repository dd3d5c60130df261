// SPDX-License-Identifier: Apache-2.0
#include "store/redis/shared_cache.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "net/use_tuple.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace msd::store::redis {

namespace {

// The text of an entry begins with one of these; the bytes of a value follow the first.
constexpr std::string_view value_sign = "=";
constexpr std::string_view absent_sign = "-";
constexpr std::string_view removed_sign = "!";

// Separates msd's keys from those of other programs on the same server.
constexpr std::string_view prefix = "msd:";

constexpr double ttl_jitter = 0.1;
constexpr milliseconds look_again{500}; // pause before invalidations are sent again

std::string name_of(const std::string& key) {
    return std::string{prefix} + key;
}

} // namespace

shared_cache::shared_cache(
    const asio::any_io_executor& executor,
    std::unique_ptr<client> server,
    shared_cache_settings chosen,
    milliseconds timeout
)
    : server_{std::move(server)},
      settings_{chosen},
      timeout_{timeout},
      // Exceptions of tasks that are being terminated are ignored.
      tasks_{
          executor,
          [](const std::exception_ptr&) {
          }},
      news_{executor} {
    tasks_.spawn(tell_untold());
}

asio::awaitable<cached> shared_cache::get(std::string key) {
    cached found;
    notice_return();
    if (is_doubtful(key) || !server_->usable()) {
        ++failures_;
        co_return found;
    }
    const command ask = command::of("GET", name_of(key));
    const deadline until = deadline::in(timeout_);
    const auto answer = co_await server_->execute(ask, until);
    // During the call the thing may have been changed without Redis knowing of it, or Redis may
    // have been lost and come back.
    notice_return();
    if (!answer || is_doubtful(key)) {
        ++failures_;
        if (!answer && answer.error().code == errc::invalid) {
            tasks_.spawn(discard(std::move(key))); // the entry is not a string
        }
        co_return found;
    }
    const std::string_view text = answer->text;
    if (answer->is(reply::kind::nil) || text == removed_sign) {
        ++misses_;
    } else if (answer->is(reply::kind::text) && text == absent_sign) {
        ++hits_;
        found.what = cached::state::absent;
    } else if (answer->is(reply::kind::text) && text.starts_with(value_sign)) {
        ++hits_;
        found.what = cached::state::value;
        found.value = text.substr(value_sign.size());
    } else {
        ++misses_;
        tasks_.spawn(discard(std::move(key)));
    }
    co_return found;
}

void shared_cache::put(std::string key, std::optional<std::string> value, time_point asked) {
    notice_return();
    const bool is_late = clock::now() - asked > fill_within;
    const bool is_large = value && value->size() > value_bytes_max;
    if (is_late || is_large || is_doubtful(key) || !server_->usable() || tasks_.size() > puts_max) {
        ++dropped_;
        return;
    }
    const auto ttl = spread(value ? settings_.ttl : settings_.negative_ttl, ttl_jitter);
    std::string text{absent_sign};
    if (value) {
        text = value_sign;
        text += *value;
    }
    tasks_.spawn(store_value(name_of(key), std::move(text), ttl));
}

asio::awaitable<void>
shared_cache::store_value(std::string name, std::string text, milliseconds ttl) {
    const std::string ttl_ms = std::to_string(std::max<std::int64_t>(1, ttl.count()));
    const command ask = command::of("SET", name, text, "NX", "PX", ttl_ms);
    const deadline until = deadline::in(timeout_);
    const auto answer = co_await server_->execute(ask, until);
    if (answer) {
        keeping_.answered();
        co_return;
    }
    ++dropped_;
    // The client logs an unreachable server; a server that is full or read-only is logged here.
    if (server_->usable()) {
        keeping_.failed(answer.error(), clock::now());
    }
}

asio::awaitable<bool> shared_cache::remove(std::string key, deadline until) {
    ++removals_;
    const bool told = co_await mark_removed(key, until);
    removed_elsewhere(std::move(key), told);
    co_return told;
}

// If this worker has lost Redis, Redis may return with an older state, so that the other worker's
// invalidation is missing.
void shared_cache::removed_elsewhere(std::string key, bool told) {
    if (told && server_->usable()) {
        remember_told(std::move(key));
    } else {
        remember_untold(std::move(key));
    }
}

// A server that is out of memory accepts no tombstone, but can still delete the key.
asio::awaitable<bool> shared_cache::mark_removed(std::string key, deadline latest) {
    const std::string stands_ms = std::to_string((mark_stands + settings_.owner_behind).count());
    const command mark = command::of("SET", name_of(key), removed_sign, "PX", stands_ms);
    const deadline until = latest.sooner(deadline::in(timeout_));
    const auto marked = co_await server_->execute(mark, until);
    // A server that has not answered may still execute the command later, so the key is not deleted
    // after it.
    if (marked || marked.error().code == errc::timeout || !server_->usable()) {
        co_return marked.has_value();
    }
    const command forget = command::of("UNLINK", name_of(key));
    const auto forgotten = co_await server_->execute(forget, until);
    co_return forgotten.has_value();
}

asio::awaitable<void> shared_cache::discard(std::string key) {
    if (discarded_++ == 0) {
        log::warning(
            "cache: the entry of {} has another format than msd's and is deleted",
            name_of(key)
        );
    }
    const command forget = command::of("UNLINK", name_of(key));
    const deadline until = deadline::in(timeout_);
    const auto forgotten = co_await server_->execute(forget, until);
    (void)forgotten;
}

void shared_cache::remember_told(std::string key) {
    const time_point now = clock::now();
    while (!told_order_.empty() && told_order_.front().first <= now) {
        const auto oldest = told_.find(told_order_.front().second);
        if (oldest != told_.end() && oldest->second == told_order_.front().first) {
            told_.erase(oldest);
        }
        told_order_.pop_front();
    }
    const time_point until = now + settings_.ttl + settings_.ttl / 5;
    if (told_order_.size() >= untold_max) {
        told_too_much_until_ = until;
        told_.clear();
        told_order_.clear();
    }
    told_[key] = until;
    told_order_.emplace_back(until, std::move(key));
}

void shared_cache::remember_untold(std::string key) {
    if (untold_.size() >= untold_max) {
        rest();
        return;
    }
    untold_.insert(std::move(key));
    news_.cancel();
}

void shared_cache::rest() {
    nothing_until_ = clock::now() + settings_.ttl + settings_.ttl / 5;
    untold_.clear();
    log::warning(
        "cache: too many changes while Redis was unreachable; nothing is read from it until all "
        "entries of that time have expired"
    );
}

// Detects whether the client has reconnected since the last call.
void shared_cache::notice_return() {
    if (std::exchange(connects_seen_, server_->counted().connects) == connects_seen_) {
        return;
    }
    const time_point now = clock::now();
    if (now < told_too_much_until_) {
        told_too_much_until_ = time_point::min();
        rest();
    }
    for (auto& [key, until] : std::exchange(told_, {})) {
        if (now < until) {
            remember_untold(key);
        }
    }
    told_order_.clear();
}

bool shared_cache::is_doubtful(const std::string& key) const {
    return untold_.contains(key) || clock::now() < nothing_until_;
}

// Runs until the cache is stopped.
asio::awaitable<void> shared_cache::tell_untold() {
    for (;;) {
        news_.expires_at(untold_.empty() ? time_point::max() : clock::now() + look_again);
        const auto [woken] = co_await news_.async_wait(net::use_tuple);
        (void)woken;
        const bool is_there = co_await server_->became_usable(deadline::in(look_again));
        notice_return();
        // Keys of an unreachable node of a cluster do not delay those of the other nodes.
        std::vector<std::string> keys;
        if (is_there) {
            keys.assign(untold_.begin(), untold_.end());
        }
        for (std::string& key : keys) {
            const bool told = co_await mark_removed(key, deadline::never());
            if (told) {
                untold_.erase(key);
                removed_elsewhere(std::move(key), true);
            } else if (!server_->usable()) {
                break;
            }
        }
    }
}

void shared_cache::write_figures(json::writer& out) const {
    const figures counted = server_->counted();
    out.key("usable").boolean(server_->usable());
    out.key("hits").unsigned_integer(hits_);
    out.key("misses").unsigned_integer(misses_);
    out.key("failures").unsigned_integer(failures_);
    out.key("dropped").unsigned_integer(dropped_);
    out.key("removals").unsigned_integer(removals_);
    out.key("discarded").unsigned_integer(discarded_);
    out.key("untold").unsigned_integer(untold_.size());
    out.key("connects").unsigned_integer(counted.connects);
    out.key("connects_failed").unsigned_integer(counted.failures);
    out.key("timeouts").unsigned_integer(counted.timeouts);
}

asio::awaitable<void> shared_cache::stop() {
    tasks_.terminate();
    co_await server_->stop();
    constexpr milliseconds last_look{200};
    const bool ended = co_await tasks_.drained(last_look);
    (void)ended;
}

result<std::unique_ptr<cache>> open_shared_cache(
    const asio::any_io_executor& executor,
    const settings& server,
    shared_cache_settings chosen
) {
    if (server.where.addresses.empty()) {
        return std::unique_ptr<cache>{};
    }
    auto opened = open(executor, server);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return std::make_unique<shared_cache>(executor, std::move(*opened), chosen, server.timeout);
}

} // namespace msd::store::redis
