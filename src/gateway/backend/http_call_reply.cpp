// SPDX-License-Identifier: Apache-2.0
// The half of http_call that reads the program's reply.
#include "gateway/backend/corrected_reply.hpp"
#include "gateway/backend/http_call.hpp"
#include "wire/event_stream.hpp"
#include "wire/http_line.hpp"
#include "wire/http_response_parser.hpp"

#include <algorithm>
#include <utility>

namespace msd::gateway {

namespace {

using wire::same_text;

constexpr std::size_t copied_piece_max = std::size_t{4} * 1024;

} // namespace

asio::awaitable<void> http_call::reply() {
    for (;;) {
        switch (connection_->next()) {
        case event::interim:
            send_interim();
            co_await client_.writable(unsent_max);
            break;
        case event::head:
            if (leaves_reply()) {
                leave_connection();
                co_return;
            }
            if (holds_reply()) {
                hold();
            } else {
                send_head(clock::now());
            }
            break;
        case event::body:
            send_body();
            break;
        case event::complete:
            end_hold();
            finish();
            co_return;
        case event::failed:
            break_off(connection_->failure(), "the program broke off or garbled the reply");
            co_return;
        case event::more: {
            const bool arrived = co_await receive();
            if (!arrived) {
                co_return;
            }
            break;
        }
        }
        if (in_tunnel_) {
            break;
        }
        if (is_over()) {
            connection_->close();
            client_.stop_reading();
            co_return;
        }
    }
    co_await tunnel();
}

// False: the call is over.
asio::awaitable<bool> http_call::receive() {
    if (client_.is_head_sent()) {
        const bool is_open = co_await client_.writable(unsent_max);
        if (!is_open) {
            aborted_ = true;
            client_.stop_reading();
            connection_->close();
            co_return false;
        }
    }
    for (;;) {
        const auto arrived = co_await connection_->receive(reply_deadline());
        if (arrived) {
            co_return true;
        }
        if (arrived.error().code == errc::timeout && is_try_limited_ && !waits_for_continue_ &&
            clock::now() >= head_until_.at()) {
            is_try_limited_ = false;
            if (retries(try_result::timed_out)) {
                note_try(try_result::timed_out);
                leave_connection();
                co_return false;
            }
            head_until_ = request_head_until_;
            end_hold();
            continue;
        }
        if (arrived.error().code == errc::timeout && is_held_ && clock::now() >= held_until_.at()) {
            end_hold();
            continue;
        }
        if (arrived.error().code != errc::timeout || !waits_on()) {
            on_silence(arrived.error());
            co_return false;
        }
    }
}

deadline http_call::reply_deadline() const {
    if (client_.is_head_sent()) {
        return deadline::in(settings_.between_bytes_timeout);
    }
    if (is_held_) {
        const deadline until = held_until_.sooner(deadline::in(settings_.between_bytes_timeout));
        return is_try_limited_ ? until.sooner(head_until_) : until;
    }
    // upload() has limits of its own.
    const deadline until = is_uploading_ ? deadline::never() : head_until_;
    return waits_for_continue_ ? until.sooner(deadline::in(continue_limit)) : until;
}

// Whether the end of a time limit ends nothing.
bool http_call::waits_on() {
    if (waits_for_continue_ && is_uploading_) {
        waits_for_continue_ = false;
        client_.send_interim(100, nullptr);
        return true;
    }
    return is_uploading_ && clock::now() < last_activity_ + settings_.between_bytes_timeout;
}

void http_call::on_silence(const error& why) {
    connection_->close();
    client_.stop_reading();
    const bool was_told = why.code == errc::cancelled;
    if (!was_told) {
        note_try(try_result::timed_out);
    }
    if (was_told) { // by upload() or abort(), which have said why
        if (client_.is_head_sent() && !aborted_) {
            cut("the request broke off while the reply was being sent");
        }
    } else if (client_.is_head_sent()) {
        request_.record.timeout = "between bytes";
        cut("the program sent no byte of the reply in time");
    } else if (is_held_) {
        request_.record.timeout = "between bytes";
        refuse(504, "the program did not complete its reply in time (stage: between bytes)");
    } else {
        request_.record.timeout = until_.passed() ? "whole" : "first byte";
        refuse(504, "the program did not begin its reply in time (stage: first byte)");
    }
}

void http_call::send_interim() {
    const wire::http_response& interim = connection_->reply();
    if (interim.status == 100) {
        if (!waits_for_continue_) {
            return; // the client did not ask, or got it already
        }
        waits_for_continue_ = false;
    }
    client_.send_interim(interim.status, &interim.headers);
}

// Whether the client gets nothing of the reply before its end is here: a reply that breaks off, or
// stops, then costs a try. It is not held when it is long, or is to be read while it arrives.
bool http_call::holds_reply() const {
    const wire::http_response& reply = connection_->reply();
    if (!may_hold_ || !reply.has_body || reply.status == 101) {
        return false;
    }
    if (reply.content_length) {
        return *reply.content_length <= held_bytes_max &&
               *reply.content_length > connection_->unread_bytes();
    }
    const std::string_view* type = reply.header("content-type");
    return type == nullptr || !wire::is_event_stream(*type);
}

void http_call::hold() {
    is_held_ = true;
    request_.record.first_byte = clock::now();
    held_until_ = connection_->reply().content_length
                      ? deadline::never()
                      : deadline{request_.record.first_byte + held_max};
}

// The client gets what is held.
void http_call::end_hold() {
    if (std::exchange(is_held_, false)) {
        send_head(request_.record.first_byte);
        client_.send(held_);
        held_.clear();
    }
}

void http_call::send_head(time_point arrived) {
    wire::http_response& reply = connection_->reply();
    request_.record.first_byte = arrived;
    request_.record.status = reply.status;
    waits_for_continue_ = false;
    note_head(reply, clock::now());
    bool has_own_id = false;
    http::reply_head head;
    for (const auto& field : reply.headers) {
        head.has_date = head.has_date || same_text(field.name, "date");
        has_own_id = has_own_id || same_text(field.name, "x-request-id");
    }
    if (has_own_id && !request_.request_id.empty()) {
        reply.headers.remove("x-request-id"); // the exchange's is in reply_lines
    }
    if (!request_.stripped.empty() || sent_host_ != request_.host) {
        correct_reply(
            reply.headers,
            {request_.stripped, sent_host_, request_.host, endpoint_->text()}
        );
    }
    head.status = reply.status;
    head.fields = &reply.headers;
    keep_client_here();
    head.lines = lines_.empty() ? request_.reply_lines : std::string_view{lines_};
    head.content_length = reply.content_length;
    head.upgrade = reply.upgrade;
    in_tunnel_ = reply.status == 101;
    client_.send_head(head);
}

// Whether the reply is left aside, because another endpoint may have a better one.
bool http_call::leaves_reply() {
    const auto result = core::resilience::result_of_status(connection_->reply().status);
    if (streams_body_ || !core::resilience::is_failure(result) || !retries(result)) {
        return false;
    }
    note_try(result);
    return true;
}

// The connection is of no more use; the request goes on elsewhere.
void http_call::leave_connection() {
    repeats_ = true;
    takes_fresh_only_ = false;
    uploads_ = false;
    is_held_ = false;
    held_.clear();
    connection_->close();
}

// The head of the reply that the client gets.
void http_call::note_head(const wire::http_response& reply, time_point now) {
    last_ = core::resilience::result_of_status(reply.status);
    is_try_limited_ = false;
    // An early reply to a body that is still being sent says nothing about the latency.
    constexpr std::chrono::microseconds at_once{1};
    try_.latency = is_uploading_
                       ? at_once
                       : std::max(
                             at_once,
                             std::chrono::duration_cast<std::chrono::microseconds>(now - try_.began)
                         );
    permit_.took(try_.latency);
    if (core::resilience::is_good(last_) && !is_uploading_) {
        permit_.note_latency(try_.latency, now);
    }
    const bool is_short = head().method == "HEAD" || reply.status == 204 || reply.status == 304 ||
                          reply.content_length.value_or(counted_bytes_max + 1) <= counted_bytes_max;
    if (!is_short || reply.status == 101) {
        if (core::resilience::is_good(last_)) {
            cluster_->group().note_head(try_);
        }
        permit_.release();
        cluster_->group().release(try_);
    }
}

void http_call::send_body() {
    const std::string_view piece = connection_->piece();
    if (is_held_) {
        held_.append(piece);
        if (held_.size() > held_bytes_max) {
            end_hold();
        }
    } else if (piece.size() <= copied_piece_max) {
        client_.send(piece);
    } else {
        client_.send(connection_->piece_owner(), piece);
    }
}

void http_call::finish() {
    const auto& trailers = connection_->trailers();
    client_.finish(trailers.empty() ? nullptr : &trailers);
    is_complete_ = true;
    note_try(last_);
    if (uploads_) { // an early reply: the rest of the request has no use
        uploads_ = false;
        client_.stop_reading();
        connection_->close();
    }
}

// The connection ended, or the reply cannot be read.
void http_call::break_off(std::string_view why, const char* cut_text) {
    if (may_repeat_stale()) {
        note_try(try_result::cancelled); // it says nothing about the endpoint
        is_repeated_ = true;
        cluster_->guard()->count_retry("stale_connection");
        repeats_ = true;
        takes_fresh_only_ = true;
    } else {
        repeats_ = !streams_body_ && retries(try_result::reset);
        note_try(aborted_ ? try_result::cancelled : try_result::reset);
    }
    if (!repeats_ && client_.is_head_sent()) {
        cut(cut_text);
    } else if (!repeats_ && !aborted_) {
        refuse(502, "the program's reply cannot be used: " + std::string{why});
    }
    uploads_ = false;
    is_held_ = false;
    held_.clear();
    client_.stop_reading();
    connection_->close();
}

// The program has closed a kept connection, possibly before it read the request.
bool http_call::may_repeat_stale() const {
    if (is_fresh_ || refusal_ || is_repeated_ || streams_body_ || client_.is_head_sent() ||
        connection_->has_received()) {
        return false;
    }
    return !connection_->has_sent() || is_repeatable_;
}

} // namespace msd::gateway
