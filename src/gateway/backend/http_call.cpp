// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/http_call.hpp"

#include "gateway/backend/forwarded_request.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message.hpp"

#include <asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::gateway {

namespace {

// Whether one of the protocols carries requests of HTTP. In a tunnel they would pass all routes.
bool has_http(std::string_view protocols) {
    bool found = false;
    wire::for_each_in_list(protocols, [&found](std::string_view each) {
        const std::string_view name = each.substr(0, each.find('/'));
        found = found || wire::same_text(name, "h2c") || wire::same_text(name, "HTTP") ||
                wire::same_text(name, "TLS");
    });
    return found;
}

} // namespace

http_call::http_call(
    std::shared_ptr<upstream::program_cluster> cluster,
    const backend_request& request,
    upstream::injected_faults& faults,
    std::string_view sticky_secret
)
    : cluster_{std::move(cluster)},
      faults_{faults},
      sticky_secret_{sticky_secret},
      request_{request},
      client_{request.client},
      settings_{cluster_->settings()},
      budget_{request.until.at() == time_point::max() ? milliseconds::max() : request.until.left()},
      until_{request.until} {
    const wire::http_request& head = client_.request();
    upgrades_ = !head.upgrade.empty() && !head.has_body() && !has_http(head.upgrade);
    waits_for_continue_ = head.expect_continue && head.has_body();
    streams_body_ = head.has_body() && (head.chunked || head.expect_continue ||
                                        head.content_length.value_or(0) > collected_bytes_max);
    // A request that cannot be repeated must not meet a connection that the program closes just
    // now.
    takes_fresh_only_ = streams_body_;
    is_repeatable_ = settings_.policies.repeats(head.method);
    entry_.route = request.route;
    entry_.until = until_;
    client_.on_abort([this] { abort(); });
}

http_call::~http_call() {
    client_.on_abort({});
}

asio::awaitable<std::optional<refusal>> http_call::run() {
    if (head().has_body() && !streams_body_) {
        co_await collect_body();
        restart_budget();
    }
    if (!is_over()) {
        co_await enter();
    }
    do {
        if (pause_ > milliseconds{0}) {
            co_await pause();
        }
        repeats_ = false;
        was_delayed_ = false;
        if (!is_over() && !take_idle()) {
            co_await connect();
        }
        if (is_over()) {
            break;
        }
        const auto fault = faults_.draw(request_.service, endpoint_->text(), clock::now());
        if (fault.any()) {
            const bool goes_on = co_await apply(fault);
            if (!goes_on) {
                give_back();
                continue;
            }
        }
        send_request();
        if (fault.lose_after) {
            connection_->lose_after(*fault.lose_after);
        }
        if (streams_body_) {
            using asio::experimental::awaitable_operators::operator&&;
            auto sending = upload();
            auto answering = reply();
            auto both = std::move(sending) && std::move(answering);
            co_await std::move(both);
        } else {
            co_await reply();
        }
        give_back();
    } while (repeats_);
    conclude();
    if (aborted_ || !client_.is_open()) {
        if (!is_complete_ && request_.record.cut == nullptr) {
            request_.record.cut = "the client closed the connection";
        }
        co_return std::nullopt;
    }
    co_return std::move(refusal_);
}

// The client's time to send the body does not count.
void http_call::restart_budget() {
    if (budget_ != milliseconds::max()) {
        until_ = deadline::in(budget_);
    }
}

void http_call::abort() {
    aborted_ = true;
    if (entry_.cancel) {
        entry_.cancel();
    } else if (connection_) {
        connection_->close(); // may end the call, and with it this object
    }
}

void http_call::give_back() {
    if (connection_ && connection_->is_reusable()) {
        endpoint_->pool().put(std::move(connection_));
    }
    connection_.reset();
}

// ---------------------------------------------------------------------------------- the request

asio::awaitable<void> http_call::collect_body() {
    for (;;) {
        const auto piece = co_await client_.read_piece();
        if (!piece) {
            refuse_body(piece.error());
            co_return;
        }
        if (piece->empty()) {
            co_return;
        }
        if (is_body_too_large(piece->size())) {
            co_return;
        }
        body_.append(*piece);
    }
}

bool http_call::is_body_too_large(std::size_t more) {
    body_bytes_ += more;
    if (body_bytes_ <= request_.body_bytes_max) {
        return false;
    }
    refuse(
        413,
        fmt::format("the body is too large: send at most {} bytes", request_.body_bytes_max)
    );
    return true;
}

void http_call::refuse_body(const error& why) {
    switch (why.code) {
    case errc::closed:
    case errc::cancelled:
        aborted_ = true;
        break;
    case errc::refused:
        refuse(503, why.text);
        refusal_->extra = retry_after_one_second;
        break;
    case errc::timeout:
        refuse(408, why.text);
        break;
    default:
        refuse(400, why.text);
        break;
    }
}

void http_call::send_request() {
    sent_host_ = requested_host(head());
    if (settings_.host == core::upstream_program_settings::host_field::upstream ||
        sent_host_.empty()) {
        sent_host_ = endpoint_->text();
    }
    forwarded_request what{head()};
    what.target = request_.target;
    what.host = sent_host_;
    what.peer = client_.peer().host;
    what.client_scheme = request_.scheme;
    what.client_host = request_.host;
    what.request_id = request_.request_id;
    what.trace = request_.trace;
    what.adds_forwarded = settings_.forwarded;
    what.is_proxy_trusted = request_.is_proxy_trusted;
    what.upgrades = upgrades_;
    what.expects_continue = waits_for_continue_;
    what.content_length = head().content_length;
    what.is_chunked = head().chunked;
    connection_->begin_request(head().method == "HEAD", upgrades_);
    connection_->compose_now([this, &what](std::string& out) {
        append_request_head(out, what);
        out.append(body_);
    });
    uploads_ = is_uploading_ = streams_body_;
    const time_point now = clock::now();
    if (uploads_) { // takes as long as its client likes
        permit_.release();
        cluster_->group().release(try_);
    }
    if (!uploads_) {
        connection_->request_sent();
        if (!was_delayed_) {
            limit_reply(now);
        }
    }
    if (!was_delayed_) {
        count_try(now);
    }
}

void http_call::limit_reply(time_point now) {
    head_until_ = until_.sooner(deadline{now + settings_.first_byte_timeout});
    start_try_limit();
}

void http_call::count_try(time_point now) {
    ++tries_;
    exchange_record& record = request_.record;
    ++record.attempts;
    record.endpoint = endpoint_->text();
    record.connected = now;
}

// Sends the body while it arrives. Ends early when the reply is complete, or the connection is
// closed.
asio::awaitable<void> http_call::upload() {
    last_activity_ = clock::now();
    co_await upload_pieces();
    is_uploading_ = false;
    if (!client_.is_head_sent()) {
        try_.began = clock::now(); // the time of the client does not count
    }
    restart_budget();
    head_until_ = until_.sooner(deadline::in(settings_.first_byte_timeout));
    connection_->limit_receive(reply_deadline());
}

asio::awaitable<void> http_call::upload_pieces() {
    for (;;) {
        const auto piece = co_await client_.read_piece();
        if (!uploads_ || !connection_->is_open()) {
            co_return; // the reply is complete, or the request has failed
        }
        if (!piece) {
            refuse_body(piece.error());
            connection_->close();
            co_return;
        }
        waits_for_continue_ = false; // the client did not wait, or not any longer
        if (piece->empty()) {
            break;
        }
        last_activity_ = clock::now();
        if (is_body_too_large(piece->size())) {
            connection_->close();
            co_return;
        }
        send_piece(*piece);
        const auto sent = co_await connection_->sent(0, settings_.between_bytes_timeout);
        if (!sent && sent.error().code == errc::timeout && connection_->is_open()) {
            request_.record.timeout = "request";
            refuse(504, "the program did not read the request in time (stage: request)");
            connection_->close();
        }
        if (!sent) {
            co_return; // the program may have replied before it closed the connection
        }
    }
    send_body_end();
}

void http_call::send_piece(std::string_view piece) {
    if (head().chunked) {
        connection_->compose([piece](std::string& out) {
            wire::append_chunk_head(out, piece.size());
        });
    }
    connection_->send_borrowed(piece);
    if (head().chunked) {
        connection_->compose_now([](std::string& out) { out.append(wire::chunk_end); });
    } else {
        connection_->flush();
    }
}

void http_call::send_body_end() {
    if (head().chunked) {
        connection_->compose_now([this](std::string& out) {
            wire::append_last_chunk(out, &client_.trailers());
        });
    }
    uploads_ = false;
    connection_->request_sent();
}

// -------------------------------------------------------------------------------------- refusals

void http_call::refuse(int status, std::string detail) {
    if (refusal_ || client_.is_head_sent()) {
        return;
    }
    refusal out;
    out.status = status;
    out.detail = std::move(detail);
    out.service = request_.service;
    out.attempts = tries_;
    refusal_ = std::move(out);
}

void http_call::cut(const char* why) {
    if (request_.record.cut == nullptr) {
        request_.record.cut = why;
    }
    client_.reset();
}

} // namespace msd::gateway
