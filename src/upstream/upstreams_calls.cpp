// SPDX-License-Identifier: Apache-2.0
// The choice of an instance for a request, and the retry.
#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"
#include "upstream/upstreams.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace msd::upstream {

namespace {

bool any(
    const std::vector<std::shared_ptr<upstream_node>>& nodes,
    bool (upstream_node::*holds)() const
) {
    return std::any_of(nodes.begin(), nodes.end(), [holds](const auto& node) {
        return ((*node).*holds)();
    });
}

tl::unexpected<error> why_none(bool full, bool greeting) {
    if (full) {
        return fail(errc::refused, "all instances are full");
    }
    return greeting ? fail(errc::timeout, "no instance answered the hello in time")
                    : fail(errc::unavailable, "no instance can be reached");
}

} // namespace

// The group chooses an instance, the instance one of its connections. Instances without a
// connection that suits the request are passed over.
upstreams::pick_result upstreams::pick(service_nodes& from, const pick_wish& wish) {
    pick_result best;
    fitness best_how = fitness::none;
    std::vector<std::uint32_t> tried;
    const auto is_avoided = [&wish](const node_ptr& node) {
        return std::ranges::find(wish.avoid, node) != wish.avoid.end();
    };
    if (!wish.avoid.empty()) {
        for (std::uint32_t index = 0; index < from.nodes.size(); ++index) {
            if (is_avoided(from.nodes[index])) {
                tried.push_back(index);
            }
        }
    }
    endpoint_group::wish wanted;
    wanted.now = clock::now();
    wanted.may_probe = wish.may_probe;
    while (tried.size() < from.nodes.size()) {
        wanted.tried = tried;
        const auto chosen = from.group->choose(wanted);
        if (!chosen) {
            break;
        }
        const auto [connection, how] = from.nodes[chosen->index]->pick(*wish.request);
        if (how < best_how) {
            best = {from.nodes[chosen->index], connection, from.group, *chosen, false};
            best_how = how;
        }
        if (best_how == fitness::good) {
            return best;
        }
        tried.push_back(chosen->index);
    }
    for (const node_ptr& node : wish.avoid) { // the one that failed first comes first
        const auto place = std::ranges::find(from.nodes, node);
        if (best.connection || place == from.nodes.end()) {
            continue;
        }
        const auto [connection, how] = node->pick(*wish.request);
        if (how < best_how) {
            const auto index = static_cast<std::uint32_t>(place - from.nodes.begin());
            best = {node, connection, from.group, {index, false}, true};
            best_how = how;
        }
    }
    return best;
}

// False when the client closed its connection during the wait.
asio::awaitable<bool> upstreams::wait_for_change(const outgoing* request, deadline until) {
    bool has_client_closed = false;
    asio::steady_timer timer{around_.executor, until.at()};
    const enlisted<asio::steady_timer*> waits{waiting_, &timer};
    if (request->handle != nullptr) {
        request->handle->cancel = [&has_client_closed, &timer] {
            has_client_closed = true;
            timer.cancel();
        };
    }
    const auto [woken] = co_await timer.async_wait(net::use_tuple);
    (void)woken;
    if (request->handle != nullptr) {
        request->handle->cancel = nullptr;
    }
    co_return !has_client_closed;
}

// Waits only when no connection takes the request: at most connect_timeout while an instance is
// being connected for the first time, and until the request's deadline while an instance that
// accepted a connection has not sent its hello yet.
asio::awaitable<result<upstreams::pick_result>>
upstreams::pick_or_wait(std::string_view name, const pick_wish* wish) {
    const outgoing* const request = wish->request;
    const auto connected_by = request->until.sooner(deadline::in(around_.settings.connect_timeout));
    for (;;) {
        const auto found = services_.find(name);
        if (closed_ || found == services_.end()) {
            co_return fail(errc::unavailable, "no instance is known");
        }
        service_nodes& of = found->second;
        group(found->first, of);
        auto picked = pick(of, *wish);
        const auto is_other_connecting = [wish](const auto& node) {
            return std::ranges::find(wish->avoid, node) == wish->avoid.end() &&
                   (node->is_connecting() || node->awaits_greeting());
        };
        const bool other_comes = picked.was_avoided && !connected_by.passed() &&
                                 std::ranges::any_of(of.nodes, is_other_connecting);
        if (picked.connection && !other_comes) {
            co_return picked;
        }
        start_all(of);
        const bool full = any(of.nodes, &upstream_node::is_full);
        const bool greeting =
            !picked.connection && !full && any(of.nodes, &upstream_node::awaits_greeting);
        const bool comes = other_comes || any(of.nodes, &upstream_node::is_connecting);
        const deadline until = greeting ? request->until : connected_by;
        if (until.passed() || !(greeting || comes)) {
            co_return why_none(full, greeting);
        }
        const bool wanted = co_await wait_for_change(request, until);
        if (!wanted) {
            co_return fail(errc::cancelled, "the client closed the connection");
        }
    }
}

// One call: its tries, and what they mean for the policies.
class upstreams::call_run final : public try_limit {
public:
    call_run(upstreams& of, std::string_view name, outgoing& request)
        : of_{of},
          name_{name},
          request_{request} {}

    asio::awaitable<attempt> run() {
        co_await enter();
        while (guard_) {
            const pick_wish wish{&request_, tried_, may_repeat()};
            auto picked = co_await of_.pick_or_wait(name_, &wish);
            if (!picked) {
                if (made_.tries == 0) {
                    made_.outcome = tl::unexpected{picked.error()};
                }
                break;
            }
            co_await try_at(&*picked);
            const bool again = decide(*picked);
            if (!again) {
                break;
            }
            const bool wanted = co_await pause();
            if (!wanted) {
                made_.outcome = fail(errc::cancelled, "the client closed the connection");
                break;
            }
        }
        permit_.conclude(last_, clock::now());
        co_return std::move(made_);
    }

private:
    using try_result = core::resilience::try_result;

    // A service that is not known is for pick_or_wait() to refuse.
    asio::awaitable<void> enter() {
        const auto found = of_.services_.find(name_);
        if (found == of_.services_.end()) {
            made_.outcome = fail(errc::unavailable, "no instance is known");
            co_return;
        }
        of_.group(found->first, found->second);
        auto guard = found->second.guard;
        service_guard::entry entry;
        entry.method = request_.method;
        entry.route = request_.uri;
        entry.until = request_.until;
        auto entered = guard->enter(entry, clock::now());
        if (!entered) {
            if (request_.handle != nullptr) {
                request_.handle->cancel = [&entry] {
                    if (entry.cancel) {
                        entry.cancel();
                    }
                };
            }
            auto waited = co_await guard->wait(&entry);
            entered = std::move(waited);
            if (request_.handle != nullptr) {
                request_.handle->cancel = nullptr;
            }
        }
        if (*entered) {
            permit_ = std::move(**entered);
            guard_ = std::move(guard);
        } else {
            made_.outcome = fail(errc::refused, std::string{entered->error().why});
            made_.retry_after = entered->error().retry_after;
        }
    }

    // A foreign node stores no Idempotency-Key, and is asked twice for what changes nothing only.
    [[nodiscard]] bool is_repeatable(bool msd) const {
        if (!msd) {
            return is_idempotent(request_.method) && request_.idem.empty();
        }
        return guard_->settings().repeats(request_.method) || !request_.idem.empty();
    }

    [[nodiscard]] bool may_repeat() const {
        return guard_->settings().retry.tries > 0 && is_repeatable(false);
    }

    asio::awaitable<void> try_at(const pick_result* picked) {
        const auto connection = picked->connection;
        const time_point now = clock::now();
        group_ = picked->group;
        current_ = group_->begin(picked->chosen, now);
        tried_.push_back(picked->node);
        made_.endpoint = group_->at(picked->chosen.index).address;
        set_limit(connection->is_msd(), picked->chosen.index, now);
        made_.outcome = co_await connection->call(request_);
        made_.msd = connection->is_msd(); // the hello may have arrived with the reply
        const bool was_sent = made_.outcome || made_.outcome.error().code != errc::refused;
        made_.tries += was_sent ? 1 : 0;
        note(*connection);
    }

    // A try that could go elsewhere gets a part of the time.
    void set_limit(bool msd, std::uint32_t index, time_point now) {
        request_.limit = nullptr;
        const std::array<std::uint32_t, 1> only{index};
        if (made_.tries < static_cast<int>(guard_->settings().retry.tries) && is_repeatable(msd) &&
            group_->has_other(only)) {
            until = permit_.try_until(request_.until, false, now);
            request_.limit = this;
            is_msd_ = msd;
        }
    }

    [[nodiscard]] bool leaves() override {
        retry_ = ask(try_result::timed_out, is_msd_);
        return retry_->retries();
    }

    // The try has ended.
    void note(upstream_connection& connection) {
        const time_point now = clock::now();
        last_ = result_of(connection);
        if (core::resilience::is_good(last_)) {
            permit_.note_latency(
                std::chrono::duration_cast<std::chrono::microseconds>(now - current_.began),
                now
            );
        }
        group_->end(current_, last_, now);
    }

    [[nodiscard]] try_result result_of(upstream_connection& connection) const {
        if (made_.outcome) {
            const int status = made_.outcome->envelope.status;
            return status < 200 ? try_result::succeeded
                                : core::resilience::result_of_status(std::min(status, 599));
        }
        switch (made_.outcome.error().code) {
        case errc::timeout:
            return try_result::timed_out;
        case errc::closed: {
            const bool is_first = connection.take_end();
            return is_first ? try_result::reset : try_result::goaway;
        }
        case errc::refused:
            return try_result::rejected;
        default:
            return try_result::cancelled;
        }
    }

    [[nodiscard]] core::resilience::retry_decision ask(try_result result, bool msd) {
        core::resilience::request_traits traits;
        traits.is_repeatable = is_repeatable(msd);
        traits.until = request_.until;
        core::resilience::failed_try failed;
        failed.result = result;
        failed.tries = static_cast<std::uint32_t>(std::max(made_.tries, 1));
        failed.was_probe = current_.is_probe;
        return guard_->decide_retry(traits, failed, clock::now());
    }

    // Whether the request is sent again.
    [[nodiscard]] bool decide(const pick_result& picked) {
        const auto decided = std::exchange(retry_, std::nullopt);
        if (made_.outcome && made_.outcome->stream) {
            return false;
        }
        if (!made_.outcome && made_.outcome.error().code == errc::closed) {
            // The connection broke: the request may have been executed, whoever counts the end.
            retry_ = ask(try_result::reset, made_.msd);
        } else if (!decided) {
            // A reply that says 503 is better than none: another one only from another instance.
            const bool has_other = picked.node && group_->size() > tried_.size();
            retry_ = has_other ? ask(last_, made_.msd) : core::resilience::retry_decision{};
            if (!has_other) {
                return false;
            }
        } else {
            retry_ = decided;
        }
        pause_ = retry_->pause;
        return std::exchange(retry_, std::nullopt)->retries();
    }

    // False: the client closed its connection.
    asio::awaitable<bool> pause() {
        bool wanted = true;
        if (pause_ > milliseconds{0}) {
            wanted = co_await of_.wait_for_change(&request_, deadline::in(pause_));
        }
        co_return wanted;
    }

    upstreams& of_;
    std::string_view name_;
    outgoing& request_;
    std::shared_ptr<service_guard> guard_; // null: the request did not enter
    std::shared_ptr<endpoint_group> group_;
    service_guard::permit permit_;
    endpoint_try current_;
    std::vector<node_ptr> tried_; // the instances
    std::optional<core::resilience::retry_decision> retry_;
    milliseconds pause_{0};
    attempt made_;
    try_result last_ = try_result::cancelled;
    bool is_msd_ = false;
};

asio::awaitable<upstreams::attempt> upstreams::call(std::string_view name, outgoing request) {
    call_run one{*this, name, request};
    auto made = co_await one.run();
    co_return made;
}

result<void> upstreams::post(std::string_view name, const outgoing& request) {
    const auto found = services_.find(name);
    if (found != services_.end()) {
        start_all(found->second);
        group(found->first, found->second);
        const auto picked = pick(found->second, {&request, {}, false});
        if (picked.connection) {
            picked.connection->post(request);
            return {};
        }
    }
    return fail(errc::unavailable, "no instance can be reached");
}

} // namespace msd::upstream
