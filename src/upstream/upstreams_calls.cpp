// SPDX-License-Identifier: Apache-2.0
// A call: its tries at one instance after the other, and what they mean for the policies.
#include "net/use_tuple.hpp"
#include "upstream/injected_faults.hpp"
#include "upstream/upstreams.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace msd::upstream {

namespace {

constexpr int first_choices_max = 4; // in one call, see endpoint_group::choice

// The views of a reply end when the call suspends, so a reply that may still be the one for the
// client gets memory of its own.
void keep(upstream_reply& reply) {
    if (reply.owner) {
        return;
    }
    const auto copy = std::make_shared<const std::string>(reply.frame);
    const char* const from = reply.frame.data();
    const auto move = [&](std::string_view& view) {
        const bool is_inside = !std::less<>{}(view.data(), from) &&
                               std::less<>{}(view.data(), from + reply.frame.size());
        if (is_inside) {
            view = {copy->data() + (view.data() - from), view.size()};
        }
    };
    for (std::string_view& piece : reply.envelope.pieces) {
        move(piece);
    }
    move(reply.envelope.headers);
    reply.frame = *copy;
    reply.owner = copy;
}

// The reply of an instance that answers with this status, made for a test.
upstream_reply injected_reply(int status) {
    static const auto text = std::make_shared<const std::string>(
        R"({"errorcode":-1,"errormessage":")" + std::string{try_fault::error_text} + R"("})"
    );
    upstream_reply made;
    made.envelope.status = status;
    made.envelope.errorcode = -1;
    made.envelope.pieces[0] = *text;
    made.envelope.piece_count = 1;
    made.frame = *text;
    made.owner = text;
    return made;
}

} // namespace

// One call: its tries, and what they mean for the policies.
class upstreams::call_run final : public try_limit {
public:
    call_run(upstreams& of, std::string_view name, outgoing& request)
        : of_{of},
          name_{name},
          request_{request} {}

    asio::awaitable<attempt> run() {
        if (!enter()) {
            co_await wait_to_enter();
        }
        while (permit_.is_entered()) {
            const pick_wish wish{&request_, tried_, may_repeat()};
            auto picked = co_await of_.pick_or_wait(name_, &wish);
            if (!picked) {
                if (made_.tries == 0) {
                    made_.outcome = tl::unexpected{picked.error()};
                }
                break;
            }
            const auto connection = picked->connection;
            const bool has_begun = begin_try(*picked);
            if (!has_begun) {
                continue;
            }
            const try_fault fault = fault_of(*picked);
            if (fault.any()) {
                co_await call_with(fault, connection.get());
            } else {
                made_.outcome = co_await connection->call(request_);
            }
            end_try(*connection);
            const bool again = decide(*picked);
            if (!again) {
                break;
            }
            tried_.push_back(picked->node);
            if (made_.outcome) {
                keep(*made_.outcome);
            }
            const bool wanted = co_await pause();
            if (!wanted) {
                made_.outcome = fail(errc::cancelled, "the client closed the connection");
                break;
            }
        }
        const bool is_answer = made_.outcome && last_ == try_result::gateway_error;
        permit_.conclude(is_answer ? try_result::succeeded : last_, clock::now());
        co_return std::move(made_);
    }

private:
    using try_result = core::resilience::try_result;

    // False: the request has to wait for a place.
    [[nodiscard]] bool enter() {
        const auto found = of_.services_.find(name_);
        if (found == of_.services_.end()) {
            made_.outcome = fail(errc::unavailable, "no instance is known");
            return true;
        }
        of_.group(found->first, found->second);
        guard_ = found->second.guard;
        entry_.method = request_.method;
        entry_.route = request_.uri;
        entry_.until = request_.until;
        auto entered = guard_->enter(entry_, clock::now());
        if (entered) {
            take(std::move(*entered));
        }
        return entered.has_value();
    }

    asio::awaitable<void> wait_to_enter() {
        if (request_.handle != nullptr) {
            request_.handle->cancel = [this] {
                if (entry_.cancel) {
                    entry_.cancel();
                }
            };
        }
        auto entered = co_await guard_->wait(&entry_);
        if (request_.handle != nullptr) {
            request_.handle->cancel = nullptr;
        }
        made_.was_queued = !entered;
        take(std::move(entered));
    }

    void take(tl::expected<service_guard::permit, service_guard::refusal>&& entered) {
        if (entered) {
            permit_ = std::move(*entered);
        } else {
            made_.outcome = fail(errc::refused, std::string{entered.error().why});
            made_.retry_after = entered.error().retry_after;
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

    // False: another worker was faster at an instance that has to prove itself.
    [[nodiscard]] bool begin_try(pick_result& picked) {
        const time_point now = clock::now();
        group_ = picked.group;
        picked.chosen.is_first = picked.chosen.is_first && ++first_choices_ < first_choices_max;
        current_ = group_->begin(picked.chosen, now);
        if (!current_.is_open()) {
            return false;
        }
        made_.endpoint = group_->at(picked.chosen.index).address;
        set_limit(picked.connection->is_msd(), picked.chosen.index, now);
        return true;
    }

    [[nodiscard]] try_fault fault_of(const pick_result& picked) {
        is_made_ = is_broken_ = false;
        auto* const faults = of_.around_.faults;
        return faults == nullptr
                   ? try_fault{}
                   : faults->draw(name_, group_->at(picked.chosen.index).address, clock::now());
    }

    // A try with injected faults.
    asio::awaitable<void> call_with(try_fault fault, upstream_connection* connection) {
        made_.outcome = fail(errc::cancelled, "the client closed the connection");
        const bool goes_on = co_await wait_for_fault(fault.delay);
        if (!goes_on) {
            co_return;
        }
        if (fault.aborts) {
            break_off();
            co_return;
        }
        if (fault.error != 0) {
            is_made_ = true;
            made_.outcome = injected_reply(fault.error);
            co_return;
        }
        made_.outcome = co_await connection->call(request_);
        if (made_.outcome && fault.lose_after) {
            const std::uint64_t bytes = made_.outcome->frame.size();
            if (bytes > *fault.lose_after) {
                break_off();
            } else if (made_.outcome->stream) {
                made_.outcome->stream->break_after(*fault.lose_after - bytes);
            }
        }
    }

    // As if the connection had broken, but the other requests on it go on.
    void break_off() {
        is_broken_ = true;
        made_.outcome = fail(errc::closed, std::string{try_fault::abort_text});
    }

    // The latency of a fault. False: the try is over, and its outcome is set.
    asio::awaitable<bool> wait_for_fault(milliseconds time) {
        const time_point ends = clock::now() + time;
        bool has_client_closed = false;
        while (clock::now() < ends && !has_client_closed) {
            const deadline limit = request_.limit == nullptr ? deadline::never() : until;
            const deadline next = deadline{ends}.sooner(request_.until).sooner(limit);
            asio::steady_timer timer{of_.around_.executor, next.at()};
            if (request_.handle != nullptr) {
                request_.handle->cancel = [&has_client_closed, &timer] {
                    has_client_closed = true;
                    timer.cancel();
                };
            }
            const auto [woken] = co_await timer.async_wait(net::use_tuple);
            (void)woken;
            if (request_.handle != nullptr) {
                request_.handle->cancel = nullptr;
            }
            const bool is_limit = limit.passed();
            if (is_limit) {
                request_.limit = nullptr;
            }
            if (request_.until.passed() || (is_limit && leaves())) {
                made_.outcome = fail(errc::timeout, "no reply arrived in time");
                co_return false;
            }
        }
        co_return !has_client_closed;
    }

    void end_try(upstream_connection& connection) {
        // The hello may have arrived with the reply.
        made_.msd = connection.is_msd() || is_made_;
        const bool was_sent = made_.outcome || made_.outcome.error().code != errc::refused;
        made_.tries += was_sent ? 1 : 0;
        note(connection);
    }

    // A try that could go elsewhere gets a part of the time.
    void set_limit(bool msd, std::uint32_t index, time_point now) {
        request_.limit = nullptr;
        const std::array<std::uint32_t, 1> only{index};
        if (made_.tries < static_cast<int>(guard_->settings().retry.tries) &&
            is_idempotent(request_.method) && is_repeatable(msd) && group_->has_other(only)) {
            until = permit_.try_until(request_.until, current_.kind(), now);
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
        is_outlier_ = last_ == try_result::server_error && group_->is_outlier(current_, now);
        group_->end(current_, as_reply(last_), now);
    }

    // A packet service that replies 503 answers, for example because its database is down; for that
    // it is not ejected while the others say the same, and the breaker stays closed.
    [[nodiscard]] try_result as_reply(try_result result) const {
        return made_.outcome && result == try_result::gateway_error ? try_result::server_error
                                                                    : result;
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
            const bool is_first = is_broken_ || connection.take_end();
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
        failed.is_outlier = is_outlier_;
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
            tried_places_.push_back(picked.chosen.index);
            const bool has_other = group_ == picked.group && group_->has_other(tried_places_);
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
    std::shared_ptr<service_guard> guard_;
    service_guard::entry entry_;
    std::shared_ptr<endpoint_group> group_;
    service_guard::permit permit_;
    endpoint_try current_;
    bool is_outlier_ = false;                 // see core::resilience::failed_try
    std::vector<node_ptr> tried_;             // the instances
    std::vector<std::uint32_t> tried_places_; // their indexes in the group
    std::optional<core::resilience::retry_decision> retry_;
    milliseconds pause_{0};
    int first_choices_ = 0;
    attempt made_;
    try_result last_ = try_result::cancelled;
    bool is_msd_ = false;
    bool is_made_ = false;   // the reply of the try is that of an injected fault
    bool is_broken_ = false; // an injected fault has broken the try's connection
};

asio::awaitable<upstreams::attempt> upstreams::call(std::string_view name, outgoing request) {
    call_run one{*this, name, request};
    auto made = co_await one.run();
    co_return made;
}

} // namespace msd::upstream
