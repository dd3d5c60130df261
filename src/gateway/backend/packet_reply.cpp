// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/packet_reply.hpp"

#include "base/log.hpp"
#include "gateway/cache/reply_recorder.hpp"
#include "wire/event_stream.hpp"
#include "wire/http_line.hpp"
#include "wire/packet_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace msd::gateway {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain; charset=utf-8"; // of a stream
constexpr std::size_t unsent_of_stream_max = std::size_t{64} << 10;
// After this time without an event the client gets a comment. A client that has closed its
// connection resets it then; without that, it could not be told from one that only reads.
constexpr milliseconds quiet_events_max{15'000};
constexpr std::string_view comment = ":\n\n";

// Whether one of these header lines has that name.
bool has_line(std::string_view lines, std::string_view name) {
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find("\r\n"));
        if (wire::same_text(line.substr(0, line.find(':')), name)) {
            return true;
        }
        lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    }
    return false;
}

// Status, headers and lines of the reply. `fields` must live as long as the head.
http::reply_head head_of(
    exchange_state& exchange,
    const upstream::upstreams::attempt& made,
    wire::http_fields& fields
) {
    const wire::envelope& envelope = made.outcome->envelope;
    const bool has_status =
        made.msd && envelope.status >= 200 && !exchange.gateway.settings.always_200;
    if (exchange.recorder != nullptr && envelope.errorcode.value_or(0) != 0) {
        exchange.recorder->stop_recording(); // it may have no other status than 200
    }
    http::reply_head head;
    head.status = has_status ? envelope.status : 200;
    if (has_status && envelope.retry_after_s != 0) {
        fmt::format_to(
            std::back_inserter(exchange.reply_lines),
            "Retry-After: {}\r\n",
            envelope.retry_after_s
        );
    }
    head.lines = exchange.reply_lines;
    if (envelope.headers.empty()) {
        return head;
    }
    wire::packet_headers read = wire::read_headers(envelope.headers);
    if (read.refused > 0) {
        log::debug(
            "{}: {} headers of {} are not usable",
            exchange.request_id,
            read.refused,
            exchange.match.target->service
        );
    }
    fields = std::move(read.fields);
    // A field of the service does not contradict the lines of the exchange. Vary is a list.
    fields.remove_if([&head](const wire::http_header& each) {
        return has_line(head.lines, each.name) && each.name != "vary";
    });
    head.fields = &fields;
    return head;
}

// The media type that the service names in its headers, which are kept without it.
std::string type_of(wire::http_fields& fields, std::string_view otherwise) {
    const std::string_view* const named = fields.find("content-type");
    std::string type{named == nullptr ? otherwise : *named};
    fields.remove("content-type");
    return type;
}

// Sends what the stream has given. False: it was the last, and the reply is complete or cut.
bool hand_on(
    exchange_state& exchange,
    const result<std::optional<wire::stream_part>>& part,
    bool as_event
) {
    http::server_stream& client = exchange.client;
    if (!part && part.error().code == errc::timeout) {
        client.send(comment);
        return true;
    }
    if (!part) {
        const bool has_left = part.error().code == errc::cancelled;
        exchange.record.cut = has_left ? "the client closed the connection"
                                       : "the service did not complete its stream";
        if (has_left) {
            exchange.record.flags.set(exchange_flag::client_disconnected);
        }
        log::debug("{}: {}", exchange.request_id, part.error().text);
        client.reset();
        return false;
    }
    if (!*part) {
        client.finish();
        return false;
    }
    const wire::stream_part& sent = **part;
    if (as_event) {
        std::string event;
        wire::append_event(event, sent.text, sent.event, sent.id);
        client.send(event);
    } else {
        client.send(sent.text);
    }
    return true;
}

} // namespace

void send_packet_reply(exchange_state& exchange, const upstream::upstreams::attempt& made) {
    const wire::envelope& envelope = made.outcome->envelope;
    wire::http_fields fields;
    http::reply_head head = head_of(exchange, made, fields);
    std::string type;
    std::uint64_t bytes = 0;
    // RFC 9110, 15.3.5 and 15.4.5: replies with these have no content; a service's body is dropped.
    if (head.status != 204 && head.status != 304) {
        head.content_type = json_type;
        if (!fields.empty()) {
            type = type_of(fields, json_type);
            head.content_type = type;
        }
        for (const std::string_view piece : envelope.body()) {
            bytes += piece.size();
        }
    }
    if (head.status != 304) { // RFC 9110, 8.6: it would be the length of the body of a 200
        head.content_length = bytes;
    }
    http::server_stream& client = exchange.client;
    client.send_head(head);
    const bool shares = made.outcome->owner != nullptr && !envelope.joined;
    for (const std::string_view piece : envelope.body()) {
        if (bytes == 0) {
            break;
        }
        if (shares) {
            client.send(made.outcome->owner, piece);
        } else {
            client.send(piece);
        }
    }
    client.finish();
    exchange.record.status = head.status;
}

asio::awaitable<void>
send_packet_stream(exchange_state* exchange, const upstream::upstreams::attempt* made) {
    http::server_stream& client = exchange->client;
    upstream::reply_stream* const from = made->outcome->stream.get();
    bool is_event_stream = false;
    {
        wire::http_fields fields;
        http::reply_head head = head_of(*exchange, *made, fields);
        const std::string type = type_of(fields, text_type);
        is_event_stream = wire::is_event_stream(type);
        head.content_type = type;
        client.send_head(head);
        exchange->record.status = head.status;
        if (exchange->is_head || head.status == 204 || head.status == 304) {
            client.finish();
            co_return;
        }
    }
    client.on_abort([from] { from->cancel(); });
    bool goes_on = client.is_open();
    while (goes_on) {
        const auto until = is_event_stream ? deadline::in(quiet_events_max) : deadline::never();
        const auto part = co_await from->next(until);
        if (!hand_on(*exchange, part, is_event_stream)) {
            client.on_abort({});
            co_return;
        }
        goes_on = co_await client.writable(unsent_of_stream_max);
    }
    client.on_abort({});
    exchange->record.cut = "the client has left or does not read";
    exchange->record.flags.set(exchange_flag::client_disconnected);
    client.reset();
}

} // namespace msd::gateway
