// SPDX-License-Identifier: Apache-2.0
// Replies that are streams: their handlers, their packets, and what the caller sends about them.
#include "base/enlisted.hpp"
#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "host/packet_session.hpp"
#include "host/packet_stream.hpp"
#include "wire/packet_headers.hpp"
#include "wire/stream_packets.hpp"

#include <asio/cancellation_type.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace msd::host {

namespace {

constexpr int streams_max = 4096; // of one worker

} // namespace

// True when the request may be answered by a stream; otherwise it has its reply.
bool packet_session::may_stream(std::string_view key) {
    if (!takes_streams_) {
        reply(key, services::failure(501, "the caller does not accept a stream"));
        return false;
    }
    if (host_.streams >= streams_max) {
        reply(key, services::failure(503, "the service has too many open streams"));
        return false;
    }
    return true;
}

// As execute(), for a route whose handler writes a stream.
asio::awaitable<void> packet_session::execute_stream(
    const services::route* row,
    services::call request,
    std::string key
) {
    const auto self = shared_from_this();
    packet_stream stream{*this, key};
    running entry{std::move(key), true, &stream};
    {
        const counted_work counted{in_work_};
        const counted_work open{host_.streams};
        const enlisted<running*> listed{running_, &entry};
        const std::string id = request.request_id;
        services::reply answer;
        std::exception_ptr failure;
        try {
            answer = co_await row->stream(std::move(request), stream);
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
        if (stream.is_open()) {
            stream.finish(answer);
        } else if (entry.wanted) {
            reply(entry.key, std::move(answer));
        }
    }
    if (running_.empty()) {
        idle_.cancel();
    }
    close_if_done();
}

void packet_session::open_stream(std::string_view key, const services::reply& head) {
    std::string headers;
    wire::reply_fields fields;
    fields.status = head.status;
    if (!head.headers.empty()) {
        wire::append_headers(headers, head.headers);
        fields.headers = headers;
    }
    fields.is_stream = true;
    connection_.compose([&](std::string& out) { wire::append_reply(out, key, fields); });
    close_if_unread();
}

void packet_session::send_part(std::string_view key, const wire::stream_part& part) {
    connection_.compose([&](std::string& out) { wire::append_part(out, key, part); });
    close_if_unread();
}

void packet_session::end_stream(std::string_view key, const services::reply& outcome) {
    connection_.compose([&](std::string& out) {
        wire::append_stream_end(out, key, outcome.errorcode, outcome.errormessage);
    });
}

void packet_session::cancel(const json::value& key) {
    for (running* const entry : running_) {
        if (entry->key == key.text) {
            entry->wanted = false;
            if (entry->stream != nullptr) {
                // May end the handler, which removes its entry from the list.
                return entry->stream->end(services::stream_writer::ending::cancelled);
            }
        }
    }
}

// False when the packet is malformed. Credit for a stream that has just ended is dropped.
bool packet_session::grant_credit() {
    const auto granted = wire::read_credit(packet_);
    if (!granted) {
        return malformed(granted.error().text);
    }
    const auto found = std::ranges::find_if(running_, [&granted](const running* entry) {
        return entry->stream != nullptr && entry->key == granted->key;
    });
    if (found != running_.end()) {
        (*found)->stream->grant(granted->bytes);
    }
    return true;
}

// Each stream that is ended can remove its entry from the list, so the search begins anew.
void packet_session::end_streams(services::stream_writer::ending why) {
    for (;;) {
        const auto found = std::ranges::find_if(running_, [why](const running* entry) {
            return entry->stream != nullptr && entry->stream->must_end() < why;
        });
        if (found == running_.end()) {
            return;
        }
        if (why == services::stream_writer::ending::cancelled) {
            (*found)->wanted = false;
        }
        (*found)->stream->end(why);
    }
}

} // namespace msd::host
