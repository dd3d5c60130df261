// SPDX-License-Identifier: Apache-2.0
#include "host/packet_session.hpp"

#include "base/enlisted.hpp"
#include "base/exception_text.hpp"
#include "base/json_surrogates.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "host/request_sender.hpp"
#include "wire/packet_headers.hpp"
#include "wire/trace_context.hpp"

#include <asio/cancellation_type.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace msd::host {

namespace {

// A peer with more unsent bytes than this is not read from until it has read its replies.
constexpr std::size_t unsent_bytes_max = 64u << 20;
constexpr std::size_t copied_bytes_max = 32U << 10;
constexpr milliseconds deadline_unsaid{30'000}; // for requests without one
constexpr milliseconds reply_margin{1000};      // for a handler to end after its deadline
constexpr std::int64_t deadline_longest_ms = 3'600'000;
constexpr milliseconds way_back_longest{50};

// The reply must arrive while the caller still waits, so a part of the time is reserved for sending
// it back.
deadline deadline_of(const json::object& fields) {
    const json::value* const said = fields.find("deadline_ms");
    const auto left_ms = said == nullptr ? std::nullopt : said->as_int64();
    if (!left_ms) {
        return deadline::in(deadline_unsaid);
    }
    const milliseconds left{std::clamp<std::int64_t>(*left_ms, 0, deadline_longest_ms)};
    return deadline::in(left - std::min(left / 10, way_back_longest));
}

std::string text_of(const json::object& fields, std::string_view name) {
    const json::value* const found = fields.find(name);
    return found == nullptr ? std::string{} : found->as_string().value_or("");
}

// The params of a route without a schema: as received, without the correlation key. A foreign
// caller may write the key at the top and inside the params.
std::string raw_params(const wire::packet& packet, bool from_msd) {
    const json::value* const given = packet.raw_params();
    if (given == nullptr) {
        return "null";
    }
    const json::object* const params = packet.params();
    const json::value* const inner = params == nullptr ? nullptr : params->find("key");
    const bool is_repeated = inner != nullptr && !from_msd && inner->text == packet.key();
    if (!packet.key_in_params() && !is_repeated) {
        return std::string{given->text};
    }
    std::string out;
    json::writer writer{out};
    writer.begin_object();
    for (const json::member& member : *params) {
        if (member.name != "key") {
            writer.key(member.name).raw(member.val.text);
        }
    }
    writer.end_object();
    return out;
}

// The params with the variables of the uri; a variable replaces a param of the same name.
std::string merge(const json::object& params, const core::route_table::variable_list& variables) {
    std::string out;
    json::writer writer{out};
    writer.begin_object();
    for (const json::member& member : params) {
        const auto same = [&member](const auto& variable) {
            return variable.first == member.name;
        };
        if (std::none_of(variables.begin(), variables.end(), same)) {
            writer.key(member.name).raw(member.val.text);
        }
    }
    for (const auto& [name, value] : variables) {
        writer.key(name).string(value);
    }
    writer.end_object();
    return out;
}

} // namespace

packet_session::packet_session(service_host& host, asio::ip::tcp::socket socket, net::watchdog& dog)
    : host_{host},
      connection_{
          std::move(socket),
          dog,
          {wire::request_frame_bytes_max(host.settings().packets.request_bytes_max),
           host.settings().packets.frame_timeout,
           &host.input(),
           true}},
      idle_{connection_.executor()},
      sizes_{host.settings().packets.request_bytes_max},
      end_guard_{dog, [this] {
                     on_end_guard();
                 }} {
    peer_.address = connection_.peer().host;
    peer_.is_local = connection_.is_peer_on_this_host();
    await_proof();
}

asio::awaitable<void> packet_session::run() {
    const auto self = shared_from_this();
    bool goes_on = true;
    bool peer_ended = false;
    while (goes_on) {
        auto next = connection_.next();
        while (goes_on && next.state == wire::frame_reader::status::complete) {
            goes_on = is_too_early(next.packet.size()) ? deny_early() : dispatch(next.packet);
            next = connection_.next();
        }
        if (next.state == wire::frame_reader::status::foreign) {
            co_return close_other_protocol();
        }
        if (goes_on && is_too_early(connection_.unread().size())) {
            goes_on = deny_early();
        } else if (goes_on && next.state == wire::frame_reader::status::too_large) {
            refuse_size(next.packet);
            goes_on = false;
        } else if (goes_on && sizes_.is_growing_too_large(connection_.unread())) {
            refuse_size(connection_.unread());
            goes_on = false;
        }
        if (goes_on && connection_.unsent_bytes() > unsent_bytes_max) {
            goes_on = co_await connection_.flushed(deadline::in(unread_limit));
        }
        if (goes_on) {
            close_if_done();
            const auto received = co_await connection_.receive();
            goes_on = received.has_value();
            peer_ended = !goes_on && received.error().code != errc::refused;
        }
    }
    end_streams(services::stream_writer::ending::cancelled); // nobody can grant credit any more
    co_await close_after_replies(peer_ended);
}

// False when the connection has to end.
bool packet_session::dispatch(std::string_view frame) {
    has_received_ = true;
    received_at_ = clock::now();
    if (sizes_.is_too_large(frame)) {
        refuse_size(frame);
        return false;
    }
    const auto parsed = packet_.parse(frame, wire::request_bounds);
    if (waiting_ || packet_.kind() == wire::packet_kind::auth || is_msd_without_proof()) {
        return handle_unproven();
    }
    if (!parsed && parsed.error().code == errc::invalid) {
        // A client of the peer chose the values: the others that share the connection keep it.
        refuse(parsed.error().text, 400);
        return true;
    }
    if (!parsed) {
        const bool goes_on = malformed(parsed.error().text);
        return goes_on && parsed.error().code != errc::too_large;
    }
    switch (packet_.kind()) {
    case wire::packet_kind::request:
        return request();
    case wire::packet_kind::hello:
        greet(*packet_.fields().find("hello"));
        return true;
    case wire::packet_kind::cancel:
        cancel(*packet_.fields().find("cancel"));
        return true;
    case wire::packet_kind::credit:
        return grant_credit();
    case wire::packet_kind::goaway:
    case wire::packet_kind::auth:    // handled above
    case wire::packet_kind::changed: // services send it to their callers only
    case wire::packet_kind::reply:   // this side sends no requests
        return true;
    case wire::packet_kind::other:
        break;
    }
    return malformed("neither a request nor a reply");
}

// A packet that is not a request is answered only when a key can be read.
void packet_session::refuse(std::string_view why, int status) {
    if (!packet_.key().empty() || packet_.kind() == wire::packet_kind::request) {
        reply(packet_.key(), services::failure(status, std::string{why}));
    }
}

void packet_session::greet(const json::value& hello) {
    json::object said;
    if (said.parse(hello.text)) {
        msd_ = true;
        const json::value* const changes = said.find("changes");
        receives_changes_ = changes != nullptr && changes->as_bool().value_or(false);
        const json::value* const streams = said.find("streams");
        takes_streams_ = streams != nullptr && streams->as_bool().value_or(false);
        const std::string name = text_of(said, "name");
        add_hello(peer_, name);
        log::debug("{} is {}", connection_.peer().text(), name);
    }
    send_hello();
    if (is_draining_) {
        send_goaway();
    }
}

void packet_session::send_hello() {
    const node::worker_environment& here = host_.environment();
    const wire::hello_reply self{here.slot, here.workers, here.generation};
    connection_.compose([&self](std::string& out) { wire::append_hello_reply(out, self); });
}

bool packet_session::request() {
    if (packet_.uri() == "/ping") {
        reply(packet_.key(), services::success());
        return true;
    }
    auto found = host_.find_route(packet_.method(), packet_.uri());
    if (found.row == nullptr) {
        reply(packet_.key(), services::failure(404, "no such route"));
        return true;
    }
    if (found.row->any_params) {
        start(*found.row, services::arguments::unchecked(raw_params(packet_, msd_)));
        return true;
    }
    if (packet_.params() == nullptr) {
        return malformed("params is not an object");
    }
    std::string merged; // the uri's variables count as params
    json::object with_variables;
    const json::object* params = packet_.params();
    if (!found.variables.empty()) {
        merged = merge(*params, found.variables);
        if (!with_variables.parse(merged)) {
            return malformed("params cannot be parsed");
        }
        params = &with_variables;
    }
    services::arguments args;
    const auto problems = services::arguments::check(params, found.row->parameters, args);
    if (!problems.empty()) {
        reply(packet_.key(), services::invalid_parameters(problems));
        return true;
    }
    start(*found.row, std::move(args));
    return true;
}

void packet_session::start(const services::route& row, services::arguments args) {
    ++host_.requests;
    const json::object& fields = packet_.fields();
    note_key();
    const json::value* const idem = fields.find("idem");
    if (idem != nullptr && json::lone_surrogate(idem->text)) {
        reply(packet_.key(), services::failure(400, "idem contains half of a surrogate pair"));
        return;
    }
    services::call request;
    request.until = deadline_of(fields);
    if (request.until.passed()) {
        reply(packet_.key(), services::failure(504, "the deadline passed before the work began"));
        return;
    }
    if (row.stream && !may_stream(packet_.key())) {
        return;
    }
    if (!row.stream && host_.requests_in_work() >= host_.settings().requests_in_flight_max) {
        reply(packet_.key(), services::failure(503, "the service has too many requests in work"));
        return;
    }
    request.args = std::move(args);
    request.idempotency_key = text_of(fields, "idem");
    request.request_id = text_of(fields, "id");
    request.trace = wire::traceparent_to_forward(text_of(fields, "trace"));
    if (row.wants_client) {
        const bool is_proof_needed = host_.settings().membership.secrets != nullptr;
        request.from = sender_of(peer_, fields, is_proof_needed);
    }
    if (!row.wants_headers.empty()) {
        request.headers = wanted_headers(fields, row.wants_headers);
    }
    ++in_work_;
    if (row.stream) {
        ++host_.streams;
        host_.running().spawn(execute_stream(&row, std::move(request), std::string{packet_.key()}));
        return;
    }
    owed_until_ = deadline{std::max(owed_until_.at(), request.until.at() + reply_margin)};
    host_.running().spawn(execute(&row, std::move(request), std::string{packet_.key()}));
}

// An exception of a handler is a defect of msd: the caller gets 500 and the worker continues.
// Handled here and not in a coroutine of its own, which would cost every request its frame.
asio::awaitable<void>
packet_session::execute(const services::route* row, services::call request, std::string key) {
    const auto self = shared_from_this();
    running entry{std::move(key)};
    {
        const counted_work counted{in_work_};
        const enlisted<running*> listed{running_, &entry};
        request.wanted = &entry.wanted;
        const std::string id = request.request_id;
        services::reply answer;
        std::exception_ptr failure;
        try {
            answer = co_await row->handle(std::move(request));
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure != nullptr) {
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) {
                std::rethrow_exception(failure); // the worker ends: a terminated task ends so
            }
            const std::string shown = id.empty() ? uuid_v7() : id;
            answer = host_.handler_failed(*row, shown, exception_text(failure));
        }
        host_.meters().count_reply(*row, answer.status);
        if (entry.wanted && !row->one_way) {
            reply(entry.key, std::move(answer));
        }
    }
    if (running_.empty()) {
        idle_.cancel();
    }
    close_if_done();
}

void packet_session::note_key() {
    const json::value* const key = packet_.fields().find("key");
    const auto number = key == nullptr ? std::nullopt : key->as_uint64();
    last_key_ = std::max(last_key_, number.value_or(0));
}

// The reply to a request without a key has no key.
void packet_session::reply(std::string_view key, services::reply answer) {
    wire::reply_fields fields;
    fields.errorcode = answer.errorcode;
    fields.errormessage = answer.errormessage;
    fields.members = answer.members;
    fields.status = msd_ ? answer.status : 0;
    fields.retry_after_s = answer.retry_after_s; // not sent without a status
    std::string headers;
    if (msd_ && !answer.headers.empty()) {
        wire::append_headers(headers, answer.headers);
        fields.headers = headers;
    }
    // For a large page, copying would take most of the time that this thread spends on the request.
    bool shares = answer.members.size() > copied_bytes_max;
    connection_.compose([&](std::string& out) {
        shares = shares && wire::append_reply_start(out, key, fields);
        if (!shares) {
            wire::append_reply(out, key, fields);
        }
    });
    if (shares) {
        const auto members = std::make_shared<const std::string>(std::move(answer.members));
        connection_.send(members, std::string_view{*members});
        connection_.send(wire::reply_end);
    }
    close_if_unread();
}

void packet_session::send_change(const wire::change& made) {
    if (receives_changes_) {
        connection_.compose([&made](std::string& out) { wire::append_changed(out, made); });
        close_if_unread();
    }
}

void packet_session::send_workers() {
    if (msd_ && !is_draining_) {
        send_hello();
        close_if_unread();
    }
}

} // namespace msd::host
