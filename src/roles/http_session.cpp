// SPDX-License-Identifier: Apache-2.0
#include "roles/http_session.hpp"

#include "base/log.hpp"
#include "base/uuid.hpp"
#include "wire/http_params.hpp"
#include "wire/http_response.hpp"
#include "wire/trace_context.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace msd::roles {

namespace {

constexpr std::size_t unsent_before_next_request = std::size_t{256} * 1024;
constexpr std::size_t envelope_bytes = 1024;       // of a request packet besides its params
constexpr std::size_t terminator_escape_bytes = 6; // \u00b6
constexpr std::size_t many_members_bytes_min =
    std::size_t{64} * 1024; // less has no room for too many members
constexpr std::size_t request_id_bytes_max = 128;
constexpr std::size_t idempotency_key_bytes_max = 255;
constexpr std::string_view json_type = "application/json";
constexpr std::string_view problem_type = "application/problem+json";
constexpr std::string_view accepted_body = R"({"errorcode":0,"errormessage":"accepted"})";

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string request_id_of(const wire::http_request& request) {
    const std::string* const given = request.header("x-request-id");
    const bool usable = given != nullptr && !given->empty() &&
                        given->size() <= request_id_bytes_max && is_visible_ascii(*given);
    return usable ? *given : uuid_v7();
}

bool repeats(const wire::http_request& request, std::string_view name) {
    const std::string* const first = request.header(name);
    return first != nullptr &&
           std::any_of(
               request.headers.begin(),
               request.headers.end(),
               [&](const wire::http_header& header) {
                   return &header.value != first && header.name.size() == name.size() &&
                          strncasecmp(header.name.data(), name.data(), name.size()) == 0;
               }
           );
}

std::string_view header_or_nothing(const wire::http_request& request, std::string_view name) {
    const std::string* const found = request.header(name);
    return found == nullptr ? std::string_view{} : std::string_view{*found};
}

// Whether a service will take `params`. What only one client sent must not end a connection that
// it shares with others.
bool fits_packet(std::string_view params, std::size_t bytes_max) {
    std::size_t bytes = params.size() + envelope_bytes;
    for (auto at = params.find(wire::terminator); at != std::string_view::npos;
         at = params.find(wire::terminator, at + wire::terminator.size())) {
        bytes += terminator_escape_bytes - wire::terminator.size();
    }
    json::object members;
    const bool few = params.size() < many_members_bytes_min || members.parse(params).has_value();
    return few && bytes <= bytes_max;
}

bool carries_content(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

} // namespace

asio::awaitable<void> http_session::run() {
    bool goes_on = true;
    while (goes_on) {
        const auto arrived = co_await connection_.read_head();
        if (arrived == net::http_connection::arrival::ended) {
            // A client that has shut down its sending side may still read the reply.
            co_await connection_.unsent_below(0);
            break;
        }
        if (arrived == net::http_connection::arrival::broken) {
            co_await answer_broken();
            break;
        }
        goes_on = co_await answer_request();
        if (goes_on) {
            goes_on = co_await connection_.unsent_below(unsent_before_next_request);
        }
    }
    connection_.close();
}

asio::awaitable<void> http_session::answer_broken() {
    plan nothing;
    nothing.request_id = uuid_v7();
    nothing.keep_alive = false;
    refuse(nothing, {connection_.failure_status(), connection_.failure_text(), {}, {}, 0});
    co_await connection_.linger();
}

// Tells whether the connection is good for another request.
asio::awaitable<bool> http_session::answer_request() {
    ++gateway_.requests;
    const wire::http_request& request = connection_.request();
    plan made;
    made.request_id = request_id_of(request);
    made.head_only = request.method == "HEAD";
    made.keep_alive = request.keep_alive && !gateway_.draining();
    made.minor_version = request.minor_version;
    made.table = gateway_.services().routes();
    made.match = made.table->find(request.method, request.path);
    if (refuse_by_head(made)) {
        // What follows is the body of a request that is answered already.
        if (request.has_body()) {
            co_await connection_.linger();
            co_return false;
        }
        const auto skipped = co_await connection_.read_body(0);
        co_return co_await finish(made.keep_alive && skipped);
    }
    co_return co_await forward(std::move(made));
}

// Route, length, media type: everything that can be said before the body is read.
bool http_session::refuse_by_head(plan& request) {
    using outcome = core::route_table::outcome;
    const wire::http_request& head = connection_.request();
    const bool asks_options = head.method == "OPTIONS" &&
                              (head.target == "*" || request.match.what == outcome::wrong_method);
    // An answer before the body means that the connection ends with it.
    const auto refuse_now = [&](const refusal& why) {
        request.keep_alive = request.keep_alive && !head.has_body();
        refuse(request, why);
        return true;
    };
    if (asks_options) {
        request.keep_alive = request.keep_alive && !head.has_body();
        reply_options(request, request.match.allow);
        return true;
    }
    if (request.match.what == outcome::unknown && !gateway_.has_list()) {
        return refuse_now(
            {503, "the gateway has not heard from the registry yet", "Retry-After: 1\r\n", {}, 0}
        );
    }
    if (request.match.what == outcome::unknown) {
        return refuse_now({404, "no service offers this path", {}, {}, 0});
    }
    if (request.match.what == outcome::wrong_method) {
        const std::string allow = "Allow: " + request.match.allow + "\r\n";
        return refuse_now({405, "the path does not take this method", allow, {}, 0});
    }
    if (carries_content(head.method) && !head.chunked && !head.content_length) {
        return refuse_now({411, "say Content-Length, 0 for an empty body", {}, {}, 0});
    }
    if (head.content_length.value_or(0) > gateway_.settings().body_bytes_max) {
        return refuse_now({413, "the body is larger than allowed", {}, {}, 0});
    }
    const auto kind = wire::body_kind_of(header_or_nothing(head, "content-type"));
    if (head.has_body() && kind == wire::body_kind::unsupported) {
        return refuse_now({415, "send application/json or a form", {}, {}, 0});
    }
    return false;
}

asio::awaitable<bool> http_session::forward(plan request) {
    const wire::http_request& head = connection_.request();
    // The head's memory goes when the body is complete.
    const std::string query{head.query};
    const bool two_keys = repeats(head, "idempotency-key");
    const std::string idem{header_or_nothing(head, "idempotency-key")};
    const bool two_parents = repeats(head, "traceparent");
    const std::string trace =
        two_parents ? std::string{}
                    : wire::traceparent_to_forward(header_or_nothing(head, "traceparent"));
    const auto kind = wire::body_kind_of(header_or_nothing(head, "content-type"));
    const auto body = co_await connection_.read_body(gateway_.settings().body_bytes_max);
    if (!body) {
        co_return co_await refuse_body(std::move(request), body.error());
    }
    wire::http_input input;
    input.path_variables = request.match.variables;
    input.query = query;
    input.body = *body;
    input.kind = body->empty() ? wire::body_kind::none : kind;
    auto params = wire::params_of(input);
    if (!params) {
        refuse(request, {400, params.error().text, {}, {}, 0});
        co_return co_await finish(request.keep_alive);
    }
    if (two_keys || idem.size() > idempotency_key_bytes_max || !is_visible_ascii(idem)) {
        refuse(request, {400, "Idempotency-Key: once, at most 255 visible ASCII", {}, {}, 0});
        co_return co_await finish(request.keep_alive);
    }
    outgoing packet;
    packet.method = request.match.target->method;
    packet.uri = request.match.target->pattern;
    packet.params = *params;
    packet.idem = idem;
    packet.trace = trace;
    packet.id = request.request_id;
    packet.until = deadline::in(gateway_.settings().request_timeout);
    if (!fits_packet(*params, gateway_.settings().upstream.packets.request_bytes_max)) {
        refuse(request, {413, "the request is larger than a service takes", {}, {}, 0});
    } else if (request.match.target->one_way) {
        post(request, packet);
    } else {
        co_await call(&request, packet);
    }
    co_return co_await finish(request.keep_alive);
}

asio::awaitable<void> http_session::call(const plan* request, outgoing packet) {
    call_handle handle;
    packet.handle = &handle;
    connection_.watch_client([&handle] {
        if (handle.cancel) {
            handle.cancel();
        }
    });
    const auto made = co_await gateway_.services().call(request->match.target->service, packet);
    connection_.unwatch_client();
    if (connection_.is_open()) {
        reply(*request, made);
    }
}

void http_session::post(const plan& request, const outgoing& packet) {
    const std::string& service = request.match.target->service;
    const auto posted = gateway_.services().post(service, packet);
    if (posted) {
        reply_text(request, 202, json_type, accepted_body);
    } else {
        refuse(request, {503, "no instance takes it now", "Retry-After: 1\r\n", service, 0});
    }
}

asio::awaitable<bool> http_session::refuse_body(plan request, error why) {
    request.keep_alive = false;
    if (why.code != errc::closed) {
        const int status = why.code == errc::too_large ? 413
                           : why.code == errc::timeout ? 408
                                                       : 400;
        refuse(request, {status, why.text, {}, {}, 0});
        co_await connection_.linger();
    }
    co_return false;
}

// Tells whether the connection is good for another request.
asio::awaitable<bool> http_session::finish(bool keep_alive) {
    // Once draining, the head of the answer said that the connection ends.
    if (keep_alive && !gateway_.draining() && connection_.is_open()) {
        co_return true;
    }
    co_await connection_.linger();
    co_return false;
}

void http_session::reply(const plan& request, const upstreams::attempt& made) {
    if (!made.outcome) {
        reply_failure(request, made);
        return;
    }
    const wire::envelope& envelope = made.outcome->envelope;
    wire::http_response_head head = head_for(request);
    const bool says_status = made.msd && envelope.status >= 200 && !gateway_.settings().always_200;
    head.status = says_status ? envelope.status : 200;
    // RFC 9110, 15.3.5 and 15.4.5: these have no content, whatever the service sent.
    const bool has_content = head.status != 204 && head.status != 304;
    if (has_content) {
        head.content_type = json_type;
        for (const std::string_view piece : envelope.body()) {
            head.content_length += piece.size();
        }
    }
    const bool sends_body = has_content && !request.head_only;
    const bool shares = made.outcome->owner != nullptr && !envelope.joined && sends_body;
    connection_.out().compose([&](std::string& out) {
        wire::append_response_head(out, head);
        if (!shares && sends_body) {
            for (const std::string_view piece : envelope.body()) {
                out.append(piece);
            }
        }
    });
    if (shares) {
        for (const std::string_view piece : envelope.body()) {
            connection_.out().append(made.outcome->owner, piece);
        }
    }
    gateway_.note_reply(connection_.out().unsent_bytes());
}

void http_session::reply_failure(const plan& request, const upstreams::attempt& made) {
    const std::string& service = request.match.target->service;
    log::debug("{} {}: {}", request.request_id, service, made.outcome.error().text);
    refusal why;
    why.service = service;
    why.attempts = made.tries;
    switch (made.outcome.error().code) {
    case errc::timeout:
        why.status = 504;
        why.detail = "the service did not answer in time";
        break;
    case errc::refused:
        why.status = 503;
        why.detail = "the service has too much to do";
        why.extra = "Retry-After: 1\r\n";
        break;
    case errc::unavailable:
        if (gateway_.services().all_said_goodbye(service)) {
            why.status = 503;
            why.detail = "the service is stopped";
            why.extra = "Retry-After: 5\r\n";
        } else {
            why.status = 502;
            why.detail = "no instance of the service can be reached";
        }
        break;
    default:
        why.status = 502;
        why.detail = "the connection with the service broke";
        break;
    }
    refuse(request, why);
}

wire::http_response_head http_session::head_for(const plan& request) {
    wire::http_response_head head;
    head.keep_alive = request.keep_alive && !gateway_.draining();
    head.minor_version = request.minor_version;
    head.date = gateway_.date();
    head.request_id = request.request_id;
    return head;
}

void http_session::reply_text(
    const plan& request,
    int status,
    std::string_view type,
    std::string_view body
) {
    wire::http_response_head head = head_for(request);
    head.status = status;
    head.content_type = type;
    head.content_length = body.size();
    connection_.out().compose([&](std::string& out) {
        wire::append_response_head(out, head);
        if (!request.head_only) {
            out.append(body);
        }
    });
}

void http_session::reply_options(const plan& request, std::string_view allow) {
    const std::string extra = allow.empty() ? "" : "Allow: " + std::string{allow} + "\r\n";
    wire::http_response_head head = head_for(request);
    head.status = 204;
    head.extra = extra;
    connection_.out().compose([&](std::string& out) { wire::append_response_head(out, head); });
}

void http_session::refuse(const plan& request, const refusal& why) {
    wire::problem what;
    what.status = why.status;
    what.detail = why.detail;
    what.request_id = request.request_id;
    what.service = why.service;
    what.attempts = why.attempts;
    const std::string body = wire::problem_body(what);
    wire::http_response_head head = head_for(request);
    head.status = why.status;
    head.content_type = problem_type;
    head.content_length = body.size();
    head.extra = why.extra;
    connection_.out().compose([&](std::string& out) {
        wire::append_response_head(out, head);
        if (!request.head_only) {
            out.append(body);
        }
    });
}

} // namespace msd::roles
