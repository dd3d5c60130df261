// SPDX-License-Identifier: Apache-2.0
// The part of http_call that injects faults into a try (`msd fault`), between the choice of an
// endpoint and the request. What follows a fault is what follows the same behaviour of a program.
#include "gateway/backend/http_call.hpp"
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

namespace msd::gateway {

namespace {

constexpr std::string_view injected_type = "text/plain; charset=utf-8";

} // namespace

// False: the try is over, or the request.
asio::awaitable<bool> http_call::apply(upstream::try_fault fault) {
    if (fault.delay > milliseconds{0}) {
        const bool goes_on = co_await wait_for_fault(fault.delay);
        if (!goes_on) {
            co_return false;
        }
    }
    if (!fault.aborts && fault.error == 0) {
        // What a program has sent during the delay is no reply to this request.
        if (was_delayed_ && (connection_->unread_bytes() != 0 || !connection_->is_silent())) {
            break_injected();
            co_return false;
        }
        co_return true;
    }
    if (!was_delayed_) {
        count_try(clock::now());
    }
    if (fault.aborts) {
        break_injected();
    } else {
        answer_injected(fault.error);
    }
    co_return false;
}

// The latency that the fault adds. It counts for the limits of the try.
asio::awaitable<bool> http_call::wait_for_fault(milliseconds time) {
    const time_point begun = clock::now();
    const time_point ends = begun + time;
    was_delayed_ = true;
    limit_reply(begun);
    count_try(begun);
    for (time_point now = begun; now < ends; now = clock::now()) {
        const auto left = std::min(ends, head_until_.at()) - now;
        pause_ = std::chrono::ceil<milliseconds>(left);
        if (pause_ > milliseconds{0}) {
            co_await pause();
        }
        if (is_over()) {
            co_return false;
        }
        if (!head_until_.passed() || clock::now() >= ends) {
            continue;
        }
        const bool was_limited = is_try_limited_;
        is_try_limited_ = false;
        repeats_ = was_limited && retries(try_result::timed_out);
        if (was_limited && !repeats_) {
            head_until_ = request_head_until_;
            continue;
        }
        note_try(try_result::timed_out);
        if (!repeats_) {
            request_.record.timeout = until_.passed() ? "whole" : "first byte";
            refuse(504, "the program did not begin its reply in time (stage: first byte)");
        }
        co_return false;
    }
    co_return true;
}

// As break_off() does.
void http_call::break_injected() {
    repeats_ = !streams_body_ && retries(try_result::reset);
    note_try(try_result::reset);
    if (!repeats_) {
        refuse(502, std::string{upstream::try_fault::abort_text});
    }
}

// The reply of a program that replies with this status.
void http_call::answer_injected(int status) {
    const auto result = core::resilience::result_of_status(status);
    if (!streams_body_ && core::resilience::is_failure(result) && retries(result)) {
        note_try(result);
        repeats_ = true;
        return;
    }
    const std::string_view text = upstream::try_fault::error_text;
    wire::http_response made;
    made.status = status;
    made.content_length = text.size();
    request_.record.first_byte = clock::now();
    request_.record.status = status;
    note_head(made, request_.record.first_byte);
    http::reply_head head;
    head.status = status;
    head.content_type = injected_type;
    head.content_length = text.size();
    head.lines = request_.reply_lines;
    client_.stop_reading(); // of a body that no program gets
    client_.send_head(head);
    client_.send(text);
    client_.finish();
    is_complete_ = true;
    note_try(last_);
}

} // namespace msd::gateway
