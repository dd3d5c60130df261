// SPDX-License-Identifier: Apache-2.0
#include "services/goods_lookup.hpp"

#include "base/enlisted.hpp"
#include "base/log.hpp"
#include "net/use_tuple.hpp"
#include "store/redis/shared_cache.hpp"

#include <algorithm>
#include <utility>

namespace msd::services {

namespace {

constexpr int server_error = 500; // and above
constexpr int not_found = 404;
constexpr std::string_view method_get = "GET";
constexpr std::string_view uri_goods = "/goods";

} // namespace

std::string goods_cache_key(std::int64_t id) {
    return "goods:" + std::to_string(id);
}

// Gives the waiting look-ups an answer even when the look-up that sent the request is cancelled.
class goods_lookup::lead {
public:
    lead(flights& all, std::string key, std::shared_ptr<flights::flight> shared)
        : all_{all},
          key_{std::move(key)},
          shared_{std::move(shared)} {}

    ~lead() { finish(fail(errc::cancelled, "the look-up that sent the request was cancelled")); }
    lead(const lead&) = delete;
    lead& operator=(const lead&) = delete;

    void finish(result<goods_answer> answer) {
        question& of = shared_->outcome;
        if (of.answer) {
            return;
        }
        of.answer = std::move(answer);
        all_.end(key_, *shared_);
        for (asio::steady_timer* const each : of.waiting) {
            each->cancel();
        }
    }

private:
    flights& all_;
    std::string key_;
    std::shared_ptr<flights::flight> shared_;
};

goods_lookup::goods_lookup(const service_context& context)
    : context_{context},
      memory_{context.settings.memory} {}

goods_lookup::~goods_lookup() = default;

result<void> goods_lookup::start() {
    auto opened = store::redis::open_shared_cache(
        context_.executor,
        context_.settings.cache,
        context_.settings.shared
    );
    if (!opened) {
        return tl::unexpected{std::move(opened.error())};
    }
    cache_ = std::move(*opened);
    return {};
}

asio::awaitable<void> goods_lookup::stop() {
    if (cache_) {
        co_await cache_->stop();
        cache_.reset();
    }
}

asio::awaitable<result<goods_answer>> goods_lookup::find(std::int64_t id, deadline until) {
    for (;;) {
        if (!reads_plain_keys()) {
            auto kept = co_await find_in(&memory_, id);
            if (kept.answer) {
                co_return *std::move(kept.answer);
            }
        }
        const auto place = flights_.join(goods_cache_key(id));
        if (!place.leads && is_too_old(place.shared->outcome)) {
            flights_.outdate(goods_cache_key(id));
            continue;
        }
        if (place.leads) {
            auto answer = co_await ask(id, place.shared, until);
            co_return answer;
        }
        co_await wait(place.shared, until);
        const auto& answer = place.shared->outcome.answer;
        if (!answer) {
            co_return fail(errc::timeout, "goods did not answer in time");
        }
        // The look-up that sent the request may have had an earlier deadline than this one.
        const bool was_cut = !*answer && (answer->error().code == errc::timeout ||
                                          answer->error().code == errc::cancelled);
        if (!was_cut || until.passed()) {
            ++shared_;
            co_return *answer;
        }
    }
}

// The answer to a slow request may be as old as the request. A new look-up must not get an answer
// that is older than an entry in memory may be.
bool goods_lookup::is_too_old(const question& under_way) const {
    constexpr milliseconds always_shared{100};
    const auto shared_for =
        reads_plain_keys() ? always_shared : std::max(always_shared, context_.settings.memory.ttl);
    return clock::now() - under_way.asked > shared_for;
}

asio::awaitable<goods_lookup::looked_up> goods_lookup::find_in(store::cache* in, std::int64_t id) {
    std::string key = goods_cache_key(id);
    looked_up out;
    auto found = co_await in->get(std::move(key));
    out.version = std::move(found.version);
    if (found.what == store::cached::state::miss) {
        co_return out;
    }
    if (found.what == store::cached::state::absent) {
        out.answer.emplace();
        co_return out;
    }
    auto read = read_goods(std::move(found.value), id);
    if (read) {
        out.answer = *std::move(read);
        co_return out;
    }
    if (unreadable_++ == 0) {
        log::warning("cache: the entry for product {} cannot be parsed and is removed", id);
    }
    key = goods_cache_key(id);
    co_await in->remove(std::move(key), deadline::never()); // a cache has its own time limit
    co_return out;
}

asio::awaitable<result<goods_answer>>
goods_lookup::ask(std::int64_t id, std::shared_ptr<flights::flight> shared, deadline until) {
    lead one{flights_, goods_cache_key(id), shared};
    auto answer = co_await ask_others(id, shared.get(), until);
    one.finish(answer);
    co_return answer;
}

asio::awaitable<void> goods_lookup::wait(std::shared_ptr<flights::flight> shared, deadline until) {
    asio::steady_timer timer{context_.executor, until.at()};
    const enlisted<asio::steady_timer*> waits{shared->outcome.waiting, &timer};
    const auto [woken] = co_await timer.async_wait(net::use_tuple);
    (void)woken;
}

asio::awaitable<result<goods_answer>>
goods_lookup::ask_others(std::int64_t id, const flights::flight* shared, deadline until) {
    std::string version;
    if (store::cache* const cache = usable_cache()) {
        const time_point asked = clock::now();
        auto found = co_await find_in(cache, id);
        version = std::move(found.version);
        if (found.answer) {
            // The age of an entry without a product is unknown, so the memory does not keep it.
            if (found.answer->known && !shared->outdated) {
                memory_.put(goods_cache_key(id), found.answer->row, asked);
            }
            co_return *std::move(found.answer);
        }
    }
    auto answer = co_await ask_owner(id, shared, std::move(version), until);
    co_return answer;
}

// While a listed goods node does not announce changes, only the entries in memory are young enough.
// With plain keys, the nodes of an existing deployment announce changes by writing these keys.
store::cache* goods_lookup::usable_cache() const {
    const bool all_announce = cache_ && context_.peers.all_announce_changes(method_get, uri_goods);
    return all_announce || reads_plain_keys() ? cache_.get() : nullptr;
}

bool goods_lookup::reads_plain_keys() const {
    return context_.settings.shared.legacy_keys && cache_ && cache_->usable();
}

asio::awaitable<result<goods_answer>> goods_lookup::ask_owner(
    std::int64_t id,
    const flights::flight* shared,
    std::string version,
    deadline until
) {
    ++asked_;
    const time_point asked = clock::now();
    std::string method{method_get};
    std::string uri{uri_goods};
    std::string params = "{\"id\":" + std::to_string(id) + "}";
    const auto answer =
        co_await context_.peers.ask(std::move(method), std::move(uri), std::move(params), until);
    if (!answer) {
        co_return tl::unexpected{answer.error()};
    }
    if (answer->status >= server_error) {
        co_return fail(errc::unavailable, "the goods service answered with a server error");
    }
    auto found = find_goods(answer->body, id);
    if (!found || shared->outdated) {
        co_return found;
    }
    const bool announces_changes = answer->msd;
    if (!found->known && !(announces_changes && answer->status == not_found)) {
        co_return found;
    }
    const auto row = found->known ? std::optional{found->row} : std::nullopt;
    memory_.put(goods_cache_key(id), row, asked);
    if (store::cache* const cache =
            announces_changes || reads_plain_keys() ? usable_cache() : nullptr) {
        cache->put(goods_cache_key(id), row, store::question{asked, std::move(version)});
    }
    co_return found;
}

void goods_lookup::changed(const wire::change& made) {
    for (const std::int64_t id : made.ids) {
        ++changes_;
        const std::string key = goods_cache_key(id);
        memory_.removed_elsewhere(key, !made.untold);
        if (cache_) {
            cache_->removed_elsewhere(key, !made.untold);
        }
        flights_.outdate(key);
    }
}

void goods_lookup::write_figures(json::writer& out) const {
    out.key("asked").unsigned_integer(asked_);
    out.key("shared").unsigned_integer(shared_);
    out.key("changes").unsigned_integer(changes_);
    out.key("unreadable").unsigned_integer(unreadable_);
    out.key("memory").begin_object();
    memory_.write_figures(out);
    out.end_object();
    if (cache_) {
        out.key("cache").begin_object();
        cache_->write_figures(out);
        out.end_object();
    }
}

} // namespace msd::services
