// SPDX-License-Identifier: Apache-2.0
#include "store/redis/cluster_client.hpp"

#include "base/backoff.hpp"
#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace msd::store::redis {

namespace {

constexpr milliseconds end_limit{10'000};
constexpr milliseconds relearn_every{30'000}; // to find nodes that have joined
constexpr milliseconds relearn_pause{100};    // between two reads of the map
constexpr milliseconds none{0};
constexpr milliseconds wait_first{5}; // before a retry when the cluster is not ready
constexpr milliseconds wait_longest{100};
constexpr int tries_max = 64; // of one command
constexpr std::size_t asked_max = 16;

} // namespace

cluster_client::cluster_client(
    const asio::any_io_executor& executor,
    client_settings chosen,
    std::optional<net::tls_trust> trust
)
    : chosen_{std::move(chosen)},
      trust_{std::move(trust)},
      tasks_{executor, net::log_failures("cache")},
      around_{executor, chosen_, trust_ ? &*trust_ : nullptr, tasks_},
      outages_{"cache"},
      relearn_{executor} {
    tasks_.spawn(keep_map());
}

asio::awaitable<result<reply>> cluster_client::execute(command what, deadline until) {
    attempt now;
    now.pause = wait_first;
    if (what.has_key()) {
        now.slot = slot_of(what.key());
    }
    static const std::string asking = command::keyless("ASKING").bytes();
    for (;;) {
        const auto target = target_of(now);
        if (!target) {
            doubt_map();
            co_return fail(errc::unavailable, chosen_.where.text() + ": " + trouble());
        }
        co_await target->settled(until);
        std::string bytes = now.asking ? asking + what.bytes() : what.bytes();
        const std::size_t before = now.asking ? 1 : 0;
        auto answered = co_await target->execute(std::move(bytes), until, before);
        if (!answered) {
            doubt_map();
            co_return answered;
        }
        const auto where = redirection_of(*answered, target->where());
        const bool waits = where.what == redirection::kind::wait;
        // Without time left for a retry, the cluster's error is the result.
        const bool last =
            ++now.tries >= tries_max || until.passed(clock::now() + (waits ? now.pause : none));
        if (where.what == redirection::kind::none || last) {
            co_return checked(std::move(*answered), target->where().text());
        }
        follow(where, now);
        if (waits) {
            asio::steady_timer timer{around_.executor, now.pause};
            [[maybe_unused]] const auto [woken] = co_await timer.async_wait(net::use_tuple);
            now.pause = std::min(now.pause * 2, wait_longest);
        }
    }
}

void cluster_client::follow(const redirection& where, attempt& now) {
    now.asking.reset();
    switch (where.what) {
    case redirection::kind::moved:
        map_.move(where.slot, where.to);
        doubt_map();
        break;
    case redirection::kind::ask:
        now.asking = where.to;
        break;
    case redirection::kind::wait:
        doubt_map();
        break;
    case redirection::kind::none:
        break;
    }
}

std::shared_ptr<link> cluster_client::target_of(const attempt& now) {
    if (now.asking) {
        return node_at(*now.asking);
    }
    if (!now.slot) {
        return any_node();
    }
    const address* const owner = map_.owner(*now.slot);
    return owner == nullptr ? nullptr : node_at(*owner);
}

std::shared_ptr<link> cluster_client::any_node() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const auto at =
            std::next(nodes_.begin(), static_cast<std::ptrdiff_t>(next_node_++ % nodes_.size()));
        if (at->second->usable()) {
            return at->second;
        }
    }
    return nodes_.empty() ? nullptr : nodes_.begin()->second;
}

std::shared_ptr<link> cluster_client::node_at(const address& where) {
    const auto found = nodes_.find(where);
    if (found != nodes_.end()) {
        return found->second;
    }
    if (nodes_.size() >= slot_map::nodes_max) {
        return nullptr;
    }
    link::purpose what;
    what.name = "a node of the cache";
    what.wanted = wanted_server::cluster_node;
    what.locate = link::always_at(where);
    what.on_change = [this](bool is_usable) {
        is_usable ? wake() : doubt_map();
    };
    const auto node = std::make_shared<link>(around_, std::move(what));
    nodes_.emplace(where, node);
    node->start();
    return node;
}

asio::awaitable<void> cluster_client::keep_map() {
    int failures = 0;
    for (;;) {
        doubted_ = false;
        auto learnt = co_await learn();
        milliseconds pause = relearn_pause;
        if (learnt) {
            failures = 0;
            outages_.answered();
        } else {
            why_unknown_ = std::move(learnt.error());
            outages_.failed(why_unknown_, clock::now());
            pause = backoff_delay(++failures, backoff_first, chosen_.probe_every, backoff_jitter);
        }
        relearn_.expires_after(pause);
        co_await relearn_.async_wait(net::use_tuple);
        if (learnt && !doubted_) {
            relearn_.expires_after(relearn_every);
            co_await relearn_.async_wait(net::use_tuple);
        }
    }
}

asio::awaitable<result<void>> cluster_client::learn() {
    const deadline until = deadline::in(chosen_.connect_timeout);
    const auto asked = candidate_nodes();
    result<void> outcome;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        // A node that hangs uses up only its share of the time.
        const auto others = static_cast<milliseconds::rep>(asked.size() - i);
        outcome = co_await learn_from(asked[i], deadline::in(until.left() / others));
        if (outcome) {
            break;
        }
    }
    co_return outcome;
}

asio::awaitable<result<void>> cluster_client::learn_from(address node, deadline until) {
    const auto said = co_await ask_slots(node, until);
    if (!said) {
        co_return tl::unexpected{said.error()};
    }
    co_return adopt(*said, node);
}

asio::awaitable<result<reply>> cluster_client::ask_slots(address node, deadline until) {
    const auto slots = command::keyless("CLUSTER", "SLOTS");
    const auto kept = nodes_.find(node);
    if (kept != nodes_.end() && kept->second->usable()) {
        const auto connected = kept->second;
        auto said = co_await connected->execute(slots.bytes(), until);
        if (!said) {
            co_return said;
        }
        co_return checked(std::move(*said), node.text());
    }
    const auto greeted = co_await greet(&around_, node, wanted_server::cluster_node, until);
    if (!greeted) {
        co_return tl::unexpected{greeted.error()};
    }
    const std::shared_ptr<connection>& open = *greeted;
    auto said = co_await open->execute(slots.bytes(), until);
    open->close({errc::closed, "asked"});
    if (!said) {
        co_return said;
    }
    co_return checked(std::move(*said), node.text());
}

// Connected nodes come first, then all other known addresses.
std::vector<address> cluster_client::candidate_nodes() const {
    std::vector<address> made;
    const auto add = [&made](const address& each) {
        if (made.size() < asked_max && std::find(made.begin(), made.end(), each) == made.end()) {
            made.push_back(each);
        }
    };
    for (const auto& [where, node] : nodes_) {
        if (node->usable()) {
            add(where);
        }
    }
    std::for_each(chosen_.where.addresses.begin(), chosen_.where.addresses.end(), add);
    for (const auto& [where, node] : nodes_) {
        add(where);
    }
    return made;
}

result<void> cluster_client::adopt(const reply& slots, const address& asked) {
    auto read = slot_map::read(slots, asked);
    if (!read) {
        return tl::unexpected{std::move(read.error())};
    }
    map_ = std::move(*read);
    known_ = true;
    const auto& masters = map_.masters();
    for (auto each = nodes_.begin(); each != nodes_.end();) {
        if (std::find(masters.begin(), masters.end(), each->first) != masters.end()) {
            ++each;
            continue;
        }
        const figures& gone = each->second->counted();
        removed_links_.connects += gone.connects;
        removed_links_.failures += gone.failures;
        removed_links_.timeouts += gone.timeouts;
        const auto removed = each->second;
        each = nodes_.erase(each);
        removed->stop();
    }
    for (const address& each : masters) {
        [[maybe_unused]] const auto node = node_at(each);
    }
    wake();
    return {};
}

void cluster_client::doubt_map() {
    if (!std::exchange(doubted_, true) && known_) {
        // The pause between two reads is always waited for; the flag is checked after it.
        if (relearn_.expiry() > clock::now() + relearn_pause) {
            relearn_.cancel();
        }
    }
}

void cluster_client::wake() {
    for (asio::steady_timer* const waiting : awaiting_use_) {
        waiting->cancel();
    }
}

bool cluster_client::usable() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
        return each.second->usable();
    });
}

asio::awaitable<bool> cluster_client::became_usable(deadline until) {
    while (!usable() && !until.passed()) {
        asio::steady_timer waiting{around_.executor, until.at()};
        const enlisted<asio::steady_timer*> waits{awaiting_use_, &waiting};
        [[maybe_unused]] const auto [woken] = co_await waiting.async_wait(net::use_tuple);
    }
    co_return usable();
}

std::string cluster_client::trouble() const {
    if (!known_) {
        return why_unknown_.text;
    }
    for (const auto& [where, node] : nodes_) {
        if (!node->usable()) {
            return node->why_lost();
        }
    }
    return "no node has this slot";
}

void cluster_client::subscribe(subscription to) {
    link::purpose what;
    what.name = "messages of the cache";
    what.wanted = wanted_server::cluster_node;
    what.locate = [this](deadline until) {
        const auto candidates = candidate_nodes();
        return link::always_at(candidates[next_node_++ % candidates.size()])(until);
    };
    subscribers_.emplace_back(around_, std::move(what), std::move(to)).start();
}

figures cluster_client::counted() const {
    figures all = removed_links_;
    for (const auto& [where, node] : nodes_) {
        all.connects += node->counted().connects;
        all.failures += node->counted().failures;
        all.timeouts += node->counted().timeouts;
    }
    return all;
}

asio::awaitable<void> cluster_client::stop() {
    tasks_.terminate();
    [[maybe_unused]] const bool ended = co_await tasks_.drained(end_limit);
}

} // namespace msd::store::redis
