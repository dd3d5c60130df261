// SPDX-License-Identifier: Apache-2.0
#include "store/redis/single_client.hpp"

#include <utility>

namespace msd::store::redis {

namespace {

constexpr milliseconds end_limit{10'000};

} // namespace

single_client::single_client(
    const asio::any_io_executor& executor,
    client_settings chosen,
    std::optional<net::tls_trust> trust
)
    : chosen_{std::move(chosen)},
      trust_{std::move(trust)},
      tasks_{executor, net::log_failures("cache")},
      around_{executor, chosen_, trust_ ? &*trust_ : nullptr, tasks_} {
    if (chosen_.where.kind == arrangement::sentinel) {
        sentinels_.emplace(around_, [this] { renew("the sentinels chose another master"); });
        sentinels_->start();
    }
    link_ = std::make_shared<link>(around_, purpose_of("cache"));
    link_->start();
}

link::purpose single_client::purpose_of(const std::string& name) {
    link::purpose made;
    made.name = name;
    if (sentinels_) {
        made.locate = [this](deadline until) {
            return sentinels_->master(until);
        };
    } else {
        made.locate = link::always_at(chosen_.where.addresses.front());
    }
    return made;
}

void single_client::renew(const std::string& why) {
    link_->renew(why);
    for (subscriber& each : subscribers_) {
        each.renew(why);
    }
}

asio::awaitable<result<reply>> single_client::execute(command what, deadline until) {
    auto answered = co_await link_->execute(what.bytes(), until);
    if (!answered) {
        co_return answered;
    }
    if (answered->is(reply::kind::error) && answered->text.starts_with("READONLY")) {
        renew("the server was made a replica");
    }
    co_return checked(std::move(*answered), chosen_.where.text());
}

asio::awaitable<bool> single_client::became_usable(deadline until) {
    return link_->became_usable(until);
}

void single_client::subscribe(subscription to) {
    auto what = purpose_of("messages of the cache");
    subscribers_.emplace_back(around_, std::move(what), std::move(to)).start();
}

asio::awaitable<void> single_client::stop() {
    tasks_.terminate();
    [[maybe_unused]] const bool ended = co_await tasks_.drained(end_limit);
}

} // namespace msd::store::redis
