// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: the life of one request, on one connection.
#include "gateway/http_session.hpp"

#include "base/log.hpp"
#include "base/uuid.hpp"
#include "gateway/cross_origin.hpp"
#include "wire/http_params.hpp"
#include "wire/http_response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace msd::gateway {

namespace {

constexpr std::size_t unsent_before_next_request = std::size_t{256} * 1024;
constexpr std::string_view json_type = "application/json";
constexpr std::string_view problem_type = "application/problem+json";
constexpr std::string_view retry_after_one_second = "Retry-After: 1\r\n";
// Sent in replies to requests whose Idempotency-Key was not stored: repeating them is not safe.
constexpr std::string_view key_not_kept = "Idempotency-Key-Status: not-supported\r\n";
constexpr std::string_view bad_key =
    "Idempotency-Key: send one key of 1 to 255 visible ASCII characters, quoted or not";
constexpr std::string_view too_many_bodies =
    "the gateway is reading too many request bodies now: try again";
constexpr std::string_view no_list =
    "the gateway has not received the list of services from the registry yet";
constexpr std::string_view no_instance = "no instance of the service can take the request now";
constexpr std::string_view too_many_logs =
    "this address sends more log lines than the gateway accepts: send fewer";
constexpr std::string_view accepted_body = R"({"errorcode":0,"errormessage":"accepted"})";

} // namespace

asio::awaitable<void> http_session::run() {
    bool goes_on = true;
    while (goes_on) {
        const auto arrived = co_await connection_.read_head();
        if (arrived == http::server_connection::arrival::ended) {
            // A client that has shut down its sending side may still read the reply.
            co_await connection_.unsent_below(0);
            break;
        }
        if (arrived == http::server_connection::arrival::broken) {
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
    const int status = connection_.failure_status();
    const std::string_view extra = status == 503 ? retry_after_one_second : std::string_view{};
    refuse(nothing, {status, connection_.failure_text(), extra, {}, 0});
    co_await connection_.linger();
}

// Returns whether the connection can serve another request.
asio::awaitable<bool> http_session::answer_request() {
    ++gateway_.requests;
    const wire::http_request& request = connection_.request();
    plan made;
    made.request_id = request_id_of(request);
    made.head_only = request.method == "HEAD";
    made.keep_alive = request.keep_alive && !gateway_.draining();
    made.minor_version = request.minor_version;
    const auto& routes = gateway_.services().routes();
    made.match = routes.find(request.method, request.path);
    made.extra = origin_lines(request, routes, made.match, gateway_.settings().cors);
    if (refuse_by_head(made)) {
        // The body that follows belongs to a request that has its reply already.
        if (request.has_body()) {
            co_await connection_.linger();
            co_return false;
        }
        connection_.skip_body();
        co_return co_await finish(made.keep_alive);
    }
    co_return co_await forward(std::move(made));
}

// The checks that need only the head: route, origin, length, media type.
bool http_session::refuse_by_head(plan& request) {
    using outcome = core::route_table::outcome;
    const wire::http_request& head = connection_.request();
    const bool asks_options = head.method == "OPTIONS" &&
                              (head.path == "*" || request.match.what == outcome::wrong_method);
    // The connection closes after a reply that precedes the body.
    const auto refuse_now = [&](const refusal& why) {
        request.keep_alive = request.keep_alive && !head.has_body();
        refuse(request, why);
        return true;
    };
    if (!head.is_known_method) {
        return refuse_now({501, "unknown method", {}, {}, 0});
    }
    if (asks_options) {
        request.keep_alive = request.keep_alive && !head.has_body();
        reply_options(request, request.match.allow);
        return true;
    }
    if (request.match.what == outcome::unknown && !gateway_.has_list()) {
        return refuse_now({503, no_list, retry_after_one_second, {}, 0});
    }
    if (request.match.what == outcome::unknown) {
        return refuse_now({404, "no service offers this path", {}, {}, 0});
    }
    if (request.match.what == outcome::wrong_method) {
        const std::string allow = "Allow: " + request.match.allow + "\r\n";
        return refuse_now({405, "the path does not support this method", allow, {}, 0});
    }
    if (const refusal why = check_origin(head, request.match, gateway_.settings().cors);
        why.status != 0) {
        return refuse_now(why);
    }
    if (head.content_length.value_or(0) > body_bytes_max()) {
        const std::string text = http::body_too_large(body_bytes_max());
        return refuse_now({413, text, {}, {}, 0});
    }
    if (const refusal why = check_content(head); why.status != 0) {
        return refuse_now(why);
    }
    return false;
}

asio::awaitable<bool> http_session::forward(plan request) {
    // The head's memory is freed when the body is complete.
    const head_fields fields = fields_of(connection_.request());
    net::byte_budget::share memory{gateway_.body_memory()};
    result<std::string> params;
    {
        auto body = co_await connection_.read_body(body_bytes_max(), &memory);
        if (!body) {
            memory.release();
            co_return co_await refuse_body(std::move(request), body.error());
        }
        const auto bytes = body->size() + fields.query.size();
        if (is_log(request) && !gateway_.accepts_log(connection_.peer().host, bytes)) {
            memory.release();
            refuse(request, {429, too_many_logs, retry_after_one_second, {}, 0});
            co_return co_await finish(request.keep_alive);
        }
        params = wire::params_of({request.match.variables, fields.query, *body, fields.kind});
    } // The params hold all of the body.
    if (!accept(request, fields, params, memory)) {
        memory.release();
        co_return co_await finish(request.keep_alive);
    }
    upstream::outgoing packet;
    packet.method = request.match.target->method;
    packet.uri = request.match.target->pattern;
    packet.params = *params;
    packet.idem = *fields.idem;
    packet.trace = fields.trace;
    packet.id = request.request_id;
    if (request.match.target->wants_client) {
        packet.client = connection_.peer().host;
    }
    packet.until = deadline::in(gateway_.settings().request_timeout);
    if (request.match.target->one_way) {
        post(request, packet);
    } else {
        co_await call(&request, packet);
    }
    memory.release();
    co_return co_await finish(request.keep_alive);
}

// Routes without a reply that want the client are those of msd's logs service.
bool http_session::is_log(const plan& request) {
    return request.match.target->one_way && request.match.target->wants_client;
}

std::size_t http_session::body_bytes_max() const {
    return std::min(gateway_.settings().body_bytes_max, gateway_.settings().bodies_bytes_max);
}

// Refuses a request that cannot be sent to any service; returns false then.
bool http_session::accept(
    const plan& request,
    const head_fields& fields,
    const result<std::string>& params,
    net::byte_budget::share& memory
) {
    const std::size_t limit = gateway_.settings().upstream.packets.request_bytes_max;
    if (!params) {
        refuse(request, {400, params.error().text, {}, {}, 0});
    } else if (!fields.idem) {
        refuse(request, {400, bad_key, {}, {}, 0});
    } else if (!fits_packet(*params, request.match.target->pattern, limit)) {
        refuse(request, {413, "the request is larger than services accept: split it", {}, {}, 0});
    } else if (fields.has_body && !memory.resize(params->size())) {
        refuse(request, {503, too_many_bodies, retry_after_one_second, {}, 0});
    } else {
        return true;
    }
    return false;
}

asio::awaitable<void> http_session::call(plan* request, upstream::outgoing packet) {
    upstream::call_handle handle;
    packet.handle = &handle;
    connection_.watch_client([&handle] {
        if (handle.cancel) {
            handle.cancel();
        }
    });
    const std::string& service = request->match.target->service;
    const auto made = co_await gateway_.services().call(service, packet);
    connection_.unwatch_client();
    if (!packet.idem.empty() && !made.msd && !gateway_.services().is_msd_only(service)) {
        request->extra += key_not_kept;
    }
    if (connection_.is_open()) {
        reply(*request, made);
    }
}

void http_session::post(plan& request, const upstream::outgoing& packet) {
    const std::string& service = request.match.target->service;
    if (!packet.idem.empty()) {
        request.extra += key_not_kept; // the service sends no reply, so none is stored
    }
    const auto posted = gateway_.services().post(service, packet);
    if (posted) {
        reply_text(request, 202, json_type, accepted_body);
    } else {
        refuse(request, {503, no_instance, retry_after_one_second, service, 0});
    }
}

asio::awaitable<bool> http_session::refuse_body(plan request, error why) {
    request.keep_alive = false;
    if (why.code != errc::closed) {
        const bool busy = why.code == errc::refused;
        const int status = busy                          ? 503
                           : why.code == errc::too_large ? 413
                           : why.code == errc::timeout   ? 408
                                                         : 400;
        const std::string_view text = busy ? too_many_bodies : std::string_view{why.text};
        refuse(request, {status, text, busy ? retry_after_one_second : std::string_view{}, {}, 0});
        co_await connection_.linger();
    }
    co_return false;
}

// Returns whether the connection can serve another request.
asio::awaitable<bool> http_session::finish(bool keep_alive) {
    // While draining, the reply has announced in its head that the connection closes.
    if (keep_alive && !gateway_.draining() && connection_.is_open()) {
        co_return true;
    }
    co_await connection_.linger();
    co_return false;
}

void http_session::reply(const plan& request, const upstream::upstreams::attempt& made) {
    if (!made.outcome) {
        reply_failure(request, made);
        return;
    }
    const wire::envelope& envelope = made.outcome->envelope;
    wire::http_response_head head = head_for(request);
    const bool has_status = made.msd && envelope.status >= 200 && !gateway_.settings().always_200;
    head.status = has_status ? envelope.status : 200;
    std::string extra;
    if (has_status && envelope.retry_after_s != 0) {
        extra = fmt::format("{}Retry-After: {}\r\n", request.extra, envelope.retry_after_s);
        head.extra = extra;
    }
    // RFC 9110, 15.3.5 and 15.4.5: replies with these have no content; a service's body is dropped.
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

void http_session::reply_failure(const plan& request, const upstream::upstreams::attempt& made) {
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
        why.detail = "all instances of the service are busy";
        why.extra = retry_after_one_second;
        break;
    case errc::unavailable:
        if (gateway_.services().have_all_deregistered(service)) {
            why.status = 503;
            why.detail = "the service has been stopped";
            why.extra = "Retry-After: 5\r\n";
        } else {
            why.status = 502;
            why.detail = "no instance of the service can be reached";
        }
        break;
    default:
        why.status = 502;
        why.detail = "the connection to the service ended before the reply";
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
    head.extra = request.extra;
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
    std::string extra = request.extra;
    if (!allow.empty()) {
        extra.append("Allow: ").append(allow).append("\r\n");
    }
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
    const std::string extra = std::string{head.extra}.append(why.extra);
    head.extra = extra;
    connection_.out().compose([&](std::string& out) {
        wire::append_response_head(out, head);
        if (!request.head_only) {
            out.append(body);
        }
    });
}

} // namespace msd::gateway
