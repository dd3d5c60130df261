// SPDX-License-Identifier: Apache-2.0
#include "app/redis_limit_store.hpp"

#include "core/resilience/keyed_hash.hpp"
#include "store/redis/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace msd::app {

namespace {

using core::resilience::limit_decision;
using core::resilience::limit_settings;
using std::chrono::microseconds;

constexpr milliseconds reply_limit{50};
constexpr std::int64_t us_per_ms = 1000;
// Tolerances beyond this would not be exact as numbers of the script.
constexpr std::int64_t us_max = std::int64_t{1} << 51;

// Fixed, because all gateways have to use the same keys. The two halves together are 128 bits, so
// nobody can find two texts with the same key.
constexpr core::resilience::hash_key first_half{0x6D7364206C696D69, 0x7473202D20666972};
constexpr core::resilience::hash_key second_half{0x6D7364206C696D69, 0x7473202D20736563};

std::string key_of(std::string_view text) {
    using core::resilience::keyed_hash;
    return fmt::format(
        "msd:limit:{:016x}{:016x}",
        keyed_hash(first_half, text),
        keyed_hash(second_half, text)
    );
}

milliseconds rounded_up(std::int64_t us) {
    return milliseconds{(us + us_per_ms - 1) / us_per_ms};
}

// As core::resilience::take_request() makes it.
limit_decision
decision_of(bool is_allowed, std::int64_t ahead, std::int64_t interval, std::int64_t tolerance) {
    limit_decision made;
    made.is_allowed = is_allowed;
    made.remaining =
        ahead <= tolerance ? static_cast<std::uint64_t>((tolerance - ahead) / interval + 1) : 0;
    made.retry_after = is_allowed ? milliseconds{0} : rounded_up(ahead - tolerance);
    made.reset_after = rounded_up(ahead);
    return made;
}

class redis_limit_store final : public gateway::limit_store {
public:
    explicit redis_limit_store(std::unique_ptr<store::redis::client> to) : client_{std::move(to)} {}

    asio::awaitable<result<limit_decision>>
    take(std::string key, limit_settings settings) override {
        const std::int64_t interval =
            std::chrono::ceil<microseconds>(settings.allowed.interval()).count();
        const std::int64_t tolerance =
            interval * std::min<std::int64_t>(settings.burst, us_max / interval);
        const std::string name = key_of(key);
        const std::string interval_text = std::to_string(interval);
        const std::string tolerance_text = std::to_string(tolerance);
        const std::array<std::string_view, 6>
            arguments{"EVAL", limit_script(), "1", name, interval_text, tolerance_text};
        store::redis::command command{arguments, 3};
        const auto reply = co_await client_->execute(std::move(command), deadline::in(reply_limit));
        using kind = store::redis::reply::kind;
        if (!reply) {
            co_return tl::unexpected{reply.error()};
        }
        if (!reply->is(kind::array) || reply->items.size() != 2 ||
            !reply->items[0].is(kind::integer) || !reply->items[1].is(kind::integer)) {
            co_return fail(errc::malformed, "the reply of the limit's script cannot be read");
        }
        const std::int64_t ahead = std::clamp<std::int64_t>(reply->items[1].integer, 0, 2 * us_max);
        auto made = decision_of(reply->items[0].integer == 1, ahead, interval, tolerance);
        made.quota = settings.allowed.requests;
        made.window = settings.allowed.per;
        co_return made;
    }

    asio::awaitable<void> stop() override { return client_->stop(); }

private:
    std::unique_ptr<store::redis::client> client_;
};

} // namespace

const std::string& limit_script() {
    // Numbers of the script are doubles: µs since 1970 are exact.
    static const std::string script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]))
if not arrival or arrival < now or arrival - now > tolerance + interval then arrival = now end
if arrival - now > tolerance then return {0, arrival - now} end
arrival = arrival + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX',
    math.max(1, math.ceil((arrival - now) / 1000)))
return {1, arrival - now}
)";
    return script;
}

gateway::limit_store_maker redis_limits(store::redis::client_settings where) {
    where.timeout = std::min(where.timeout, reply_limit);
    return [where = std::move(where)](const asio::any_io_executor& executor
           ) -> result<std::unique_ptr<gateway::limit_store>> {
        auto opened = store::redis::open(executor, where);
        if (!opened) {
            return tl::unexpected{std::move(opened.error())};
        }
        return std::make_unique<redis_limit_store>(std::move(*opened));
    };
}

} // namespace msd::app
