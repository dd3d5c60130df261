// SPDX-License-Identifier: Apache-2.0
#include "services/members/password_checks.hpp"

#include "base/log.hpp"
#include "net/use_tuple.hpp"
#include "store/idempotency.hpp"

#include <asio/ip/address.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <cstring>
#include <sodium.h>
#include <string>

namespace msd::services {

namespace {

// Two hashes at once take 38 MiB and some 30 ms. Their threads yield to the event loops of all
// workers, so that other requests take hardly longer while passwords are checked.
constexpr int threads = 2;
constexpr int nice_value = 10;
constexpr net::blocking_lane::settings hashing{
    .threads = threads,
    .calls_max = 64, // more than threads: a call that has passed its deadline runs to its end
    .batch_max = 1,
    .nice = nice_value};

// Waiting attempts of one client with one name.
constexpr std::size_t same_member_max = 8;
constexpr std::size_t same_proven_max = 32;
constexpr std::size_t same_unknown_max = 4;
constexpr std::size_t same_creation_max = 32;

constexpr std::size_t waiting_max = 256; // some 4 s of hashing
constexpr std::size_t requests_per_held = 4;
constexpr int retry_after_s = 1; // a queue of hashes is usually shorter than that

constexpr int milliseconds_per_second = 1000;
constexpr int typical_weight = 8; // the latest duration counts an eighth

constexpr std::string_view shared_file = "members.logins-1";

int whole_seconds(milliseconds span) {
    return static_cast<int>((span.count() + milliseconds_per_second - 1) / milliseconds_per_second);
}

// Whoever has an IPv6 network has all of its addresses.
std::string network_of(std::string_view client) {
    std::error_code unreadable;
    const auto address = asio::ip::make_address(std::string{client}, unreadable);
    if (unreadable || !address.is_v6() || address.to_v6().is_v4_mapped()) {
        return std::string{client};
    }
    constexpr std::size_t network_bytes = 8;
    const auto bytes = address.to_v6().to_bytes();
    return {reinterpret_cast<const char*>(bytes.data()), network_bytes};
}

std::uint64_t keyed_hash(const store::shared_logins::hash_key& key, std::string_view text) {
    static_assert(sizeof(key) == crypto_shorthash_KEYBYTES);
    static_assert(sizeof(std::uint64_t) == crypto_shorthash_BYTES);
    std::array<unsigned char, crypto_shorthash_KEYBYTES> bytes{};
    std::memcpy(bytes.data(), key.data(), bytes.size());
    std::uint64_t digest = 0;
    crypto_shorthash(
        reinterpret_cast<unsigned char*>(&digest),
        reinterpret_cast<const unsigned char*>(text.data()),
        text.size(),
        bytes.data()
    );
    return digest;
}

// With its length, so that two different lists of texts never give the same text.
void append_sized(std::string& out, std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

reply too_many(std::string text, int status, int seconds) {
    reply out = failure(status, std::move(text));
    out.retry_after_s = seconds;
    return out;
}

} // namespace

struct password_checks::waiter {
    enum class state : std::uint8_t { waiting, granted, displaced };

    waiter(const asio::any_io_executor& executor, deadline until) : timer{executor, until.at()} {}

    void resume(state as) {
        now = as;
        timer.cancel();
    }

    asio::steady_timer timer;
    state now = state::waiting;
};

password_checks::password_checks(settings chosen)
    : settings_{std::move(chosen)},
      queue_{
          {.total_max = std::clamp<std::size_t>(
               settings_.requests_in_flight_max / requests_per_held,
               threads,
               waiting_max
           )}},
      lane_{settings_.executor, hashing} {}

result<void> password_checks::start() {
    randombytes_buf(own_key_.data(), sizeof own_key_);
    auto opened = store::shared_logins::open(settings_.data_dir / shared_file);
    if (opened) {
        shared_.emplace(std::move(*opened));
    } else {
        log::warning(
            "{}: this worker counts failed logins without the other workers",
            opened.error().text
        );
        auto own = store::shared_logins::open_own();
        if (!own) {
            return tl::unexpected{std::move(own.error())};
        }
        shared_.emplace(std::move(*own));
    }
    throttle_.emplace(shared_->records(), settings_.throttle);
    return {};
}

std::uint64_t password_checks::hash(std::string_view kind, std::string_view text) const {
    std::string all{kind};
    all += text;
    return keyed_hash(shared_->key(), all);
}

password_checks::attempt
password_checks::recognize(std::string_view client, std::string_view name) const {
    const std::string network = network_of(client);
    std::string both;
    append_sized(both, network);
    both += name;
    attempt made;
    made.arrived = clock::now();
    made.who = {hash("name ", name), hash("client ", network), hash("both ", both)};
    return made;
}

std::uint64_t
password_checks::digest_of(const attempt& made, std::string_view hash, std::string_view password)
    const {
    std::string all = std::to_string(made.who.name);
    all += ' ';
    append_sized(all, hash);
    all += password;
    const std::uint64_t digest = keyed_hash(own_key_, all);
    sodium_memzero(all.data(), all.size());
    return digest;
}

std::optional<reply> password_checks::reply_unchecked(attempt& made, std::uint64_t digest) {
    const std::int64_t now_ms = store::utc_now_ms();
    const bool is_known = known_wrong_.at(digest % known_wrong_max) == digest;
    // A password that is known to be wrong must not use up the wait of its client: a client that
    // repeats it all the time would lock out another one with the same address.
    const auto said =
        is_known ? throttle_->peek(made.who, now_ms) : throttle_->begin(made.who, now_ms);
    made.is_proven = said.is_proven;
    if (said.wait > milliseconds{0}) {
        return too_many(
            "too many wrong passwords for this username: wait before the next login",
            429,
            whole_seconds(said.wait)
        );
    }
    if (!is_known) {
        return std::nullopt;
    }
    throttle_->note_failure(made.who, false, now_ms);
    return failure(403, "invalid password");
}

void password_checks::note_wrong(const attempt& made, std::uint64_t digest) {
    known_wrong_.at(digest % known_wrong_max) = digest;
    throttle_->note_failure(made.who, true, store::utc_now_ms());
}

void password_checks::note_right(const attempt& made) {
    throttle_->note_success(made.who, store::utc_now_ms());
}

asio::awaitable<result<void>>
password_checks::wait_for_turn(const attempt* made, work what, deadline until) {
    if (running_ < threads && queue_.empty()) {
        ++running_;
        co_return result<void>{};
    }
    core::fair_queue::task wanted;
    wanted.id = ++last_id_;
    wanted.client = made->who.client;
    if (what == work::member) {
        wanted.name = made->who.name;
        wanted.is_proven = made->is_proven;
        wanted.same_max = made->is_proven ? same_proven_max : same_member_max;
    } else {
        // Unknown and new names can be invented, so they count as one name of the client.
        const bool creates = what == work::creation;
        wanted.name = made->who.client + (creates ? 1 : 2);
        wanted.same_max = creates ? same_creation_max : same_unknown_max;
    }
    const auto added = queue_.add(wanted);
    if (added.displaced) {
        waiting_.at(*added.displaced)->resume(waiter::state::displaced);
        waiting_.erase(*added.displaced);
    }
    if (added.why == core::fair_queue::refusal::all) {
        co_return fail(errc::unavailable, "too many passwords are being checked");
    }
    if (added.why != core::fair_queue::refusal::none) {
        co_return fail(errc::refused, "too many attempts are waiting");
    }
    waiter self{settings_.executor, until};
    waiting_.emplace(wanted.id, &self);
    const auto [woken] = co_await self.timer.async_wait(net::use_tuple);
    switch (self.now) {
    case waiter::state::granted:
        co_return result<void>{};
    case waiter::state::displaced:
        co_return fail(errc::refused, "too many attempts are waiting");
    case waiter::state::waiting:
        break;
    }
    queue_.remove(wanted.id);
    waiting_.erase(wanted.id);
    co_return woken ? fail(errc::cancelled, "stopping")
                    : fail(errc::timeout, "the time passed before the check");
}

void password_checks::end_turn(time_point since) {
    const auto took = std::chrono::duration_cast<milliseconds>(clock::now() - since);
    typical_ += (took - typical_) / typical_weight;
    const auto next = queue_.take();
    if (!next) {
        --running_;
        return;
    }
    waiting_.at(*next)->resume(waiter::state::granted);
    waiting_.erase(*next);
}

reply password_checks::failure_of(const error& why) {
    return why.code == errc::refused
               ? too_many("too many passwords of this client are being checked", 429, retry_after_s)
               : too_many("too many passwords are being checked", 503, retry_after_s);
}

asio::awaitable<reply>
password_checks::hold_back(attempt made, reply answer, deadline until, bool as_checked) {
    const std::int64_t now_ms = store::utc_now_ms();
    ++refused_;
    throttle_->note_unsuccessful(made.who.client, now_ms);
    const milliseconds hold = throttle_->hold(made.who.client, now_ms);
    const deadline at{made.arrived + (as_checked ? std::max(hold, typical_) : hold)};
    if (held_ >= settings_.requests_in_flight_max / requests_per_held || at.passed()) {
        co_return answer;
    }
    struct counted {
        explicit counted(std::size_t& in) : number{in} { ++number; }
        ~counted() { --number; }
        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;
        std::size_t& number;
    };
    const counted held{held_};
    asio::steady_timer timer{settings_.executor, at.sooner(until).at()};
    const auto [woken] = co_await timer.async_wait(net::use_tuple);
    (void)woken;
    co_return answer;
}

void password_checks::write_figures(json::writer& out) const {
    out.key("password_checks").begin_object();
    out.key("running").integer(running_);
    out.key("waiting").unsigned_integer(queue_.size());
    out.key("held_back").unsigned_integer(held_);
    out.key("unsuccessful").unsigned_integer(refused_);
    out.end_object();
}

} // namespace msd::services
