// SPDX-License-Identifier: Apache-2.0
#include "store/redis/shared_cache.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "net/use_tuple.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace msd::store::redis {

namespace {

// The text of an entry: `=VALUE`, `-` (the object does not exist) or `!` (recently removed). With
// legacy_keys the first two have the version of the plain key: `+VERSION=VALUE`, `-VERSION`.
constexpr std::string_view value_sign = "=";
constexpr std::string_view versioned_sign = "+";
constexpr std::string_view absent_sign = "-";
constexpr std::string_view removed_sign = "!";

constexpr std::size_t version_digits = 16;
constexpr std::string_view no_plain_key = "0000000000000000";
constexpr std::string_view no_plain_text = "................"; // a list, a hash, …

// Separates msd's keys from those of other programs on the same server.
constexpr std::string_view prefix = "msd:";

constexpr double ttl_jitter = 0.1;
constexpr milliseconds look_again{500}; // pause before invalidations are sent again

std::string name_of(const std::string& key) {
    return std::string{prefix} + key;
}

// 64-bit FNV-1a: two texts that one product has after another differ in it.
std::string version_of(std::string_view text) {
    constexpr std::uint64_t offset = 14'695'981'039'346'656'037U;
    constexpr std::uint64_t prime = 1'099'511'628'211U;
    std::uint64_t hash = offset;
    for (const char each : text) {
        hash = (hash ^ static_cast<unsigned char>(each)) * prime;
    }
    return fmt::format("{:016x}", hash);
}

// A parsed entry.
struct entry {
    cached::state what = cached::state::miss; // miss: removed, or not written by msd
    bool is_ours = true;
    std::string_view version; // empty: none
    std::string_view value;
};

entry entry_of(std::string_view text) {
    entry out;
    if (text == removed_sign) {
        return out;
    }
    if (text.starts_with(value_sign)) {
        out.what = cached::state::value;
        out.value = text.substr(1);
    } else if (text == absent_sign) {
        out.what = cached::state::absent;
    } else if (text.starts_with(absent_sign) && text.size() == 1 + version_digits) {
        out.what = cached::state::absent;
        out.version = text.substr(1);
    } else if (text.starts_with(versioned_sign) && text.size() > 1 + version_digits &&
               text.substr(1 + version_digits).starts_with(value_sign)) {
        out.what = cached::state::value;
        out.version = text.substr(1, version_digits);
        out.value = text.substr(2 + version_digits);
    } else {
        out.is_ours = false;
    }
    return out;
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
      tasks_{executor, net::log_failures("cache")},
      news_{executor} {
    tasks_.spawn(send_unsent());
}

std::string shared_cache::plain_name_of(std::string_view key) {
    const auto colon = key.rfind(':');
    return std::string{colon == std::string_view::npos ? key : key.substr(colon + 1)};
}

asio::awaitable<cached> shared_cache::get(std::string key) {
    cached found;
    notice_return();
    if (is_doubtful(key) || !server_->usable()) {
        ++failures_;
        co_return found;
    }
    const deadline until = deadline::in(timeout_);
    std::optional<std::string> version{std::in_place};
    if (settings_.legacy_keys) {
        version = co_await plain_version(key, until);
        if (!version) {
            ++failures_;
            co_return found;
        }
    }
    const command ask = command::of("GET", name_of(key));
    const auto answer = co_await server_->execute(ask, until);
    // During the call the object may have been changed while Redis was unreachable, or Redis may
    // have been lost and come back.
    notice_return();
    if (!answer || is_doubtful(key)) {
        ++failures_;
        if (!answer && answer.error().code == errc::invalid) {
            tasks_.spawn(discard(std::move(key))); // the entry is not a string
        }
        co_return found;
    }
    const entry stands = answer->is(reply::kind::text) ? entry_of(answer->text) : entry{};
    const bool is_readable = answer->is(reply::kind::text) || answer->is(reply::kind::nil);
    const bool is_outdated = settings_.legacy_keys && stands.version != *version;
    if (!is_readable || !stands.is_ours) {
        ++misses_;
        tasks_.spawn(discard(std::move(key)));
    } else if (stands.what == cached::state::miss) {
        ++misses_;
    } else if (is_outdated) {
        ++misses_;
        tasks_.spawn(remove_outdated(std::move(key)));
    } else {
        ++hits_;
        found.what = stands.what;
        found.value = stands.value;
    }
    found.version = *std::move(version);
    co_return found;
}

// nullopt when Redis did not reply.
asio::awaitable<std::optional<std::string>>
shared_cache::plain_version(std::string key, deadline until) {
    const command ask = command::of("GET", plain_name_of(key));
    const auto answer = co_await server_->execute(ask, until);
    if (!answer && answer.error().code == errc::invalid) {
        co_return std::string{no_plain_text};
    }
    if (!answer) {
        co_return std::nullopt;
    }
    co_return answer->is(reply::kind::text) ? version_of(answer->text) : std::string{no_plain_key};
}

// An entry of another version, or of none, stays in the way of every put. It is replaced by the
// mark of a removal: deleting it could delete the mark that another worker has just set.
asio::awaitable<void> shared_cache::remove_outdated(std::string key) {
    ++outdated_;
    const bool removed = co_await remove(std::move(key), deadline::in(timeout_));
    (void)removed;
}

asio::awaitable<bool>
shared_cache::write_plain(std::string key, std::optional<std::string> text, deadline latest) {
    const std::string name = plain_name_of(key);
    const command write = text ? command::of("SET", name, *text) : command::of("DEL", name);
    const deadline until = latest.sooner(deadline::in(timeout_));
    const auto written = co_await server_->execute(write, until);
    co_return written.has_value();
}

void shared_cache::put(std::string key, std::optional<std::string> value, question of) {
    notice_return();
    const bool is_late = clock::now() - of.asked > fill_within;
    const bool is_large = value && value->size() > value_bytes_max;
    // An owner that is behind may answer with the row from before the change of the plain key.
    const bool lacks_version =
        settings_.legacy_keys && (of.version.empty() || settings_.owner_behind.count() > 0);
    if (is_late || is_large || lacks_version || is_doubtful(key) || !server_->usable() ||
        tasks_.size() > puts_max) {
        ++dropped_;
        return;
    }
    const auto ttl = spread(value ? settings_.ttl : settings_.negative_ttl, ttl_jitter);
    std::string text{absent_sign};
    if (value) {
        text = settings_.legacy_keys ? versioned_sign : std::string_view{};
        text += of.version;
        text += value_sign;
        text += *value;
    } else {
        text += of.version;
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
    const bool is_sent = co_await mark_removed(key, until);
    removed_elsewhere(std::move(key), is_sent);
    co_return is_sent;
}

// If this worker has lost Redis, Redis may return with an older state, so that the other worker's
// invalidation is missing.
void shared_cache::removed_elsewhere(std::string key, bool is_sent) {
    if (is_sent && server_->usable()) {
        record_sent(std::move(key));
    } else {
        record_unsent(std::move(key));
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
            "cache: the entry {} does not have the format of msd and is deleted",
            name_of(key)
        );
    }
    const command forget = command::of("UNLINK", name_of(key));
    const deadline until = deadline::in(timeout_);
    const auto forgotten = co_await server_->execute(forget, until);
    (void)forgotten;
}

void shared_cache::record_sent(std::string key) {
    const time_point now = clock::now();
    while (!sent_order_.empty() && sent_order_.front().first <= now) {
        const auto oldest = sent_.find(sent_order_.front().second);
        if (oldest != sent_.end() && oldest->second == sent_order_.front().first) {
            sent_.erase(oldest);
        }
        sent_order_.pop_front();
    }
    const time_point until = now + settings_.ttl + settings_.ttl / 5;
    if (sent_order_.size() >= unsent_max) {
        sent_overflow_until_ = until;
        sent_.clear();
        sent_order_.clear();
    }
    sent_[key] = until;
    sent_order_.emplace_back(until, std::move(key));
}

void shared_cache::record_unsent(std::string key) {
    if (unsent_.size() >= unsent_max) {
        rest();
        return;
    }
    unsent_.insert(std::move(key));
    news_.cancel();
}

void shared_cache::rest() {
    nothing_until_ = clock::now() + settings_.ttl + settings_.ttl / 5;
    unsent_.clear();
    log::warning(
        "cache: too many changes while Redis was unreachable; it is not read until all entries of "
        "that time have expired"
    );
}

// Detects whether the client has reconnected since the last call.
void shared_cache::notice_return() {
    if (std::exchange(connects_seen_, server_->counted().connects) == connects_seen_) {
        return;
    }
    const time_point now = clock::now();
    if (now < sent_overflow_until_) {
        sent_overflow_until_ = time_point::min();
        rest();
    }
    for (auto& [key, until] : std::exchange(sent_, {})) {
        if (now < until) {
            record_unsent(key);
        }
    }
    sent_order_.clear();
}

bool shared_cache::is_doubtful(const std::string& key) const {
    return unsent_.contains(key) || clock::now() < nothing_until_;
}

// Runs until the cache is stopped.
asio::awaitable<void> shared_cache::send_unsent() {
    for (;;) {
        news_.expires_at(unsent_.empty() ? time_point::max() : clock::now() + look_again);
        const auto [woken] = co_await news_.async_wait(net::use_tuple);
        (void)woken;
        const bool is_there = co_await server_->became_usable(deadline::in(look_again));
        notice_return();
        // Keys of an unreachable node of a cluster do not delay those of the other nodes.
        std::vector<std::string> keys;
        if (is_there) {
            keys.assign(unsent_.begin(), unsent_.end());
        }
        for (std::string& key : keys) {
            const bool is_sent = co_await mark_removed(key, deadline::never());
            if (is_sent) {
                unsent_.erase(key);
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
    if (settings_.legacy_keys) {
        out.key("outdated").unsigned_integer(outdated_);
    }
    out.key("untold").unsigned_integer(unsent_.size());
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

result<std::unique_ptr<shared_cache>> open_shared_cache(
    const asio::any_io_executor& executor,
    const client_settings& server,
    shared_cache_settings chosen
) {
    if (server.where.addresses.empty()) {
        return std::unique_ptr<shared_cache>{};
    }
    auto opened = open(executor, server);
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    return std::make_unique<shared_cache>(executor, std::move(*opened), chosen, server.timeout);
}

} // namespace msd::store::redis
