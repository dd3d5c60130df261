// SPDX-License-Identifier: Apache-2.0
#include "services/goods/legacy_keys.hpp"

#include "base/log.hpp"
#include "net/use_tuple.hpp"
#include "services/digest.hpp"
#include "services/goods_lookup.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace msd::services {

namespace {

constexpr milliseconds settle_limit{2000};
constexpr milliseconds stop_limit{500};
constexpr std::string_view absent_digest = "absent";

// The format of existing nodes: the parameters of the request that added the product.
std::string json_of(const store::goods_fields& fields) {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("name").string(fields.name);
    out.key("category").string(fields.category);
    out.key("price").raw(fields.price.text());
    out.key("description").string(fields.description);
    out.end_object();
    return text;
}

} // namespace

legacy_keys::legacy_keys(
    const asio::any_io_executor& executor,
    store::redis::shared_cache& shared,
    store::goods_repository& goods,
    settings chosen
)
    : shared_{shared},
      goods_{goods},
      settings_{chosen},
      tasks_{executor, net::log_failures("plain keys")},
      timer_{executor} {
    tasks_.spawn(verify_until_stopped());
}

asio::awaitable<void> legacy_keys::remove(std::int64_t id, deadline until) {
    const bool done =
        co_await shared_.write_plain(goods_cache_key(id), std::nullopt, until.halfway());
    (void)done; // update() follows and repairs a failure
}

asio::awaitable<void> legacy_keys::update(std::int64_t id, deadline until) {
    remember(id);
    if (note(id, clock::now() + retry_after) != nullptr) {
        co_await settle(id, until.halfway());
    }
}

void legacy_keys::verify_soon(std::int64_t id) {
    if (entry* const one = note(id, clock::now())) {
        one->due = clock::now();
        one->written.clear();
    }
}

// Null when there are too many entries.
legacy_keys::entry* legacy_keys::note(std::int64_t id, time_point due) {
    if (entries_.size() >= entries_max && !entries_.contains(id)) {
        if (dropped_++ == 0) {
            log::warning(
                "cache: more than {} changes of products could not be written to plain keys; "
                "for further products, existing nodes see outdated values until these products are "
                "changed again",
                entries_max
            );
        }
        return nullptr;
    }
    entry& one = entries_.try_emplace(id, entry{.due = due}).first->second;
    if (one.due < armed_) {
        timer_.cancel();
    }
    return &one;
}

void legacy_keys::remember(std::int64_t id) {
    if (recent_.size() >= entries_max) {
        recent_.pop_front();
    }
    recent_.emplace_back(clock::now() + settings_.verified_for, id);
    if (armed_ == time_point::max()) {
        timer_.cancel();
    }
}

// Detects whether Redis has been reconnected since the last call.
void legacy_keys::notice_return() {
    const time_point now = clock::now();
    while (!recent_.empty() && recent_.front().first <= now) {
        recent_.pop_front();
    }
    const std::uint64_t connects = shared_.connects();
    if (std::exchange(connects_seen_, connects) == connects) {
        return;
    }
    for (const auto& [until, id] : recent_) {
        verify_soon(id);
    }
}

// Erases the entry when the plain key equals the store; otherwise the entry is due again.
asio::awaitable<void> legacy_keys::settle(std::int64_t id, deadline until) {
    const auto row = co_await goods_.find(id, until);
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
        co_return; // another task has verified the key during the read
    }
    entry& one =
        found->second; // stays valid: an entry is not erased while its key is being written
    if (!row && row.error().code != errc::not_found) {
        one.due = clock::now() + retry_after;
        co_return;
    }
    std::optional<std::string> text;
    std::string digest{absent_digest};
    if (row) {
        text = json_of(row->fields);
        digest = digest_of(*text);
    }
    if (one.writing == 0 && one.written == digest) {
        entries_.erase(found);
        co_return;
    }
    // It is unknown which of two concurrent writes Redis executes last.
    one.written = one.writing++ == 0 ? digest : std::string{};
    const bool done = co_await shared_.write_plain(goods_cache_key(id), std::move(text), until);
    --one.writing;
    const time_point now = clock::now();
    if (done) {
        ++written_;
        one.due = one.written == digest ? now + settings_.owner_behind : now;
    } else {
        ++failed_;
        one.written.clear();
        one.due = now + retry_after;
    }
    if (one.due < armed_) {
        timer_.cancel();
    }
}

// While changes are remembered, checks every second whether Redis has been reconnected.
time_point legacy_keys::next_due() const {
    constexpr milliseconds look_every{1000};
    time_point next = recent_.empty() ? time_point::max() : clock::now() + look_every;
    for (const auto& [id, one] : entries_) {
        next = std::min(next, one.due);
    }
    return next;
}

asio::awaitable<void> legacy_keys::settle_due() {
    std::vector<std::int64_t> due;
    const time_point now = clock::now();
    for (auto& [id, one] : entries_) {
        if (one.due <= now) {
            due.push_back(id);
            one.due = now + retry_after; // until settle() says otherwise
        }
    }
    for (const std::int64_t id : due) {
        co_await settle(id, deadline::in(settle_limit));
    }
}

asio::awaitable<void> legacy_keys::verify_until_stopped() {
    while (!stopping_) {
        armed_ = next_due();
        timer_.expires_at(armed_);
        const auto [woken] = co_await timer_.async_wait(net::use_tuple);
        (void)woken;
        armed_ = time_point::min();
        if (!entries_.empty() && !stopping_) {
            const bool is_there = co_await shared_.became_usable(deadline::in(retry_after));
            (void)is_there;
        }
        notice_return();
        if (shared_.usable() && !stopping_) {
            co_await settle_due();
        }
    }
}

asio::awaitable<void> legacy_keys::stop() {
    // The background task ends first: two concurrent writes would leave the key unverified.
    constexpr milliseconds last_look{200};
    stopping_ = true;
    timer_.cancel();
    const bool ended_by_itself = co_await tasks_.drained(stop_limit);
    if (!ended_by_itself) {
        tasks_.terminate();
        const bool ended = co_await tasks_.drained(last_look);
        (void)ended;
        for (auto& [id, one] : entries_) {
            one.writing = 0;
            one.written.clear();
        }
    }
    const deadline until = deadline::in(stop_limit);
    constexpr int rounds_max = 3; // a write, its verification, and one more change
    for (int round = 0; round < rounds_max && !entries_.empty(); ++round) {
        std::vector<std::int64_t> ids;
        ids.reserve(entries_.size());
        for (const auto& [id, one] : entries_) {
            ids.push_back(id);
        }
        for (const std::int64_t id : ids) {
            if (!until.passed() && shared_.usable()) {
                co_await settle(id, until);
            }
        }
    }
    if (!entries_.empty()) {
        log::warning(
            "cache: the plain keys of {} changed products were not written: existing nodes see "
            "outdated values until these products are changed again",
            entries_.size()
        );
    }
}

void legacy_keys::write_figures(json::writer& out) const {
    out.key("legacy_keys").begin_object();
    out.key("written").unsigned_integer(written_);
    out.key("failed").unsigned_integer(failed_);
    out.key("unverified").unsigned_integer(entries_.size());
    out.key("dropped").unsigned_integer(dropped_);
    out.end_object();
}

} // namespace msd::services
