// SPDX-License-Identifier: Apache-2.0
// The part of http_call that decides where a request goes, and whether it goes there again.
#include "gateway/backend/balance_key.hpp"
#include "gateway/backend/http_call.hpp"
#include "net/use_tuple.hpp"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace msd::gateway {

namespace {

using core::resilience::try_result;

// When another worker was faster at an endpoint that has to prove itself.
constexpr int choices_max = 4;

try_result result_of_connect(const error& why) {
    switch (why.code) {
    case errc::timeout:
    case errc::malformed: // it accepted, and then did what no program does
        return try_result::connect_failed;
    case errc::unavailable:
        return try_result::connection_refused;
    default:
        return try_result::rejected; // not the endpoint's fault
    }
}

} // namespace

asio::awaitable<void> http_call::enter() {
    upstream::service_guard& guard = *cluster_->guard();
    balance_key_ = balance_key(
        settings_.policies,
        {head(), request_.client_address, request_.service, sticky_secret_}
    );
    entry_.until = until_;
    guard.set_endpoints(cluster_->group().balancing().endpoints().active().size());
    auto entered = guard.enter(entry_, clock::now());
    if (!entered) {
        auto waited = co_await guard.wait(&entry_);
        entered = std::move(waited);
        request_.record.timeout = *entered || aborted_ ? nullptr : "queue";
    }
    if (*entered) {
        permit_ = std::move(**entered);
    } else {
        refuse_entry(entered->error());
    }
}

void http_call::refuse_entry(const upstream::service_guard::refusal& why) {
    refuse(503, std::string{why.why});
    if (refusal_) {
        request_.record.flags.set(exchange_flag::overflow);
        refusal_->extra = retry_after_line(why.retry_after);
    }
}

void http_call::choose_endpoint() {
    upstream::endpoint_group::wish wanted;
    wanted.now = clock::now();
    wanted.hash = balance_key_;
    wanted.tried = tried_;
    wanted.may_probe =
        is_repeatable_ && !streams_body_ && !upgrades_ && settings_.policies.retry.tries > 0;
    endpoint_.reset();
    try_limit_ = time_point::max();
    for (int turn = 1; turn <= choices_max; ++turn) {
        auto chosen = cluster_->group().choose(wanted);
        if (!chosen) {
            return;
        }
        chosen->is_first = chosen->is_first && turn < choices_max;
        try_ = cluster_->group().begin(*chosen, wanted.now);
        if (try_.is_open()) {
            endpoint_ = cluster_->all()[chosen->index];
            return;
        }
    }
}

// False: there is no idle connection, or no endpoint; connect() comes next.
bool http_call::take_idle() {
    choose_endpoint();
    if (!endpoint_ || takes_fresh_only_) {
        return false;
    }
    connection_ = endpoint_->pool().take();
    is_fresh_ = false;
    return connection_ != nullptr;
}

asio::awaitable<void> http_call::connect() {
    error last;
    while (endpoint_ && !aborted_) {
        const deadline limit = deadline::in(settings_.connect_timeout);
        auto made = co_await endpoint_->connect(limit.sooner(until_));
        if (made && !(*made)->is_silent()) {
            made = fail(errc::malformed, "it sent bytes, or ended the connection, at once");
        }
        if (made) {
            connection_ = std::move(*made);
            is_fresh_ = true;
            co_return;
        }
        ++tries_;
        last = std::move(made.error());
        const try_result result = aborted_ ? try_result::cancelled : result_of_connect(last);
        note_try(result);
        if (!retries(result)) {
            break;
        }
        if (pause_ > milliseconds{0}) {
            co_await pause();
        }
        choose_endpoint();
    }
    if (tries_ == 0 || last.text.empty()) {
        refuse_without_endpoint();
    } else if (last.code == errc::timeout) {
        request_.record.timeout = "connect";
        refuse(504, "the program did not accept a connection in time (stage: connect)");
    } else {
        refuse(502, "the program cannot be reached: " + last.text);
    }
}

void http_call::refuse_without_endpoint() {
    if (cluster_->all().empty()) {
        refuse(502, "no program of the service is known");
    } else {
        refuse_entry({"all programs of the service are busy"});
    }
}

// The try has ended.
void http_call::note_try(try_result result) {
    last_ = result;
    cluster_->group().end(try_, result, clock::now());
}

// A try that could go elsewhere gets a part of the time, so that a silent endpoint costs a try.
void http_call::start_try_limit() {
    const time_point now = clock::now();
    request_head_until_ = head_until_;
    tried_.push_back(try_.index);
    // PUT and DELETE are not sent again while the first one may still be executed.
    const bool is_read = head().method == "GET" || head().method == "HEAD";
    may_hold_ = is_repeatable_ && !streams_body_ && !upgrades_ &&
                tries_ < static_cast<int>(settings_.policies.retry.tries) &&
                cluster_->group().has_other(tried_);
    tried_.pop_back();
    is_try_limited_ = may_hold_ && is_read;
    if (is_try_limited_) {
        head_until_ = permit_.try_until(head_until_, try_.kind(), now);
        try_limit_ = head_until_.at();
    }
}

// Whether the request goes to another endpoint after this result; takes a retry from the budget.
// The endpoint of the try is not chosen again.
bool http_call::retries(try_result result) {
    if (refusal_ || aborted_ || client_.is_head_sent()) {
        return false;
    }
    const bool was_sent = connection_ != nullptr;
    core::resilience::request_traits request;
    request.is_repeatable = is_repeatable_;
    request.has_body_kept = !streams_body_ || !was_sent;
    request.until = until_;
    core::resilience::failed_try failed;
    failed.result = result;
    failed.tries = static_cast<std::uint32_t>(std::max(tries_, 1));
    const time_point now = clock::now();
    failed.is_outlier =
        result == try_result::server_error && cluster_->group().is_outlier(try_, now);
    if (tried_.empty() || tried_.back() != try_.index) {
        tried_.push_back(try_.index);
    }
    if (!cluster_->group().has_other(tried_)) {
        return false;
    }
    const auto decided = cluster_->guard()->decide_retry(request, failed, now);
    pause_ = decided.pause;
    return decided.retries();
}

asio::awaitable<void> http_call::pause() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, std::exchange(pause_, {})};
    entry_.cancel = [&timer] {
        timer.cancel();
    };
    const auto [woken] = co_await timer.async_wait(net::use_tuple);
    (void)woken;
    entry_.cancel = nullptr;
}

// With balance = "sticky", a client without an endpoint stays at that of this reply.
void http_call::keep_client_here() {
    using core::resilience::balance_policy;
    const auto& balancing = cluster_->group().balancing();
    if (settings_.policies.balance != balance_policy::sticky ||
        (balance_key_ != 0 && balancing.is_listed(balance_key_))) {
        return;
    }
    const std::uint64_t token = cluster_->group().at(try_.index).token;
    lines_ = request_.reply_lines;
    lines_.append("Set-Cookie: ")
        .append(sticky_set_cookie(sticky_secret_, request_.service, token))
        .append("\r\n");
}

void http_call::conclude() {
    if (try_.is_open()) {
        // A client that leaves says something about a program that another one could have replaced.
        const bool was_late = aborted_ && !client_.is_head_sent() && clock::now() >= try_limit_;
        note_try(was_late ? try_result::timed_out : try_result::cancelled);
    }
    permit_.conclude(aborted_ ? try_result::cancelled : last_, clock::now());
}

} // namespace msd::gateway
