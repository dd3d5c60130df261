// SPDX-License-Identifier: Apache-2.0
#include "host/packet_stream.hpp"

#include "host/packet_session.hpp"
#include "wire/event_stream.hpp"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

namespace msd::host {

namespace {

constexpr std::size_t piece_bytes_max = std::size_t{16} << 10; // of a text that is sent in parts

// The length of the first piece of `text`, which ends between two characters.
std::size_t piece_of(std::string_view text) {
    if (text.size() <= piece_bytes_max) {
        return text.size();
    }
    std::size_t end = piece_bytes_max;
    const auto continues = [&text](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    while (end > piece_bytes_max - 4 && continues(end)) {
        --end;
    }
    return end;
}

} // namespace

void packet_stream::open(const services::reply& head) {
    assert(!is_open_);
    is_open_ = true;
    const auto* const type = head.headers.find("content-type");
    is_event_stream_ = type != nullptr && wire::is_event_stream(*type);
    if (ending_ != ending::cancelled) {
        session_.open_stream(key_, head);
    }
}

asio::awaitable<bool> packet_stream::write(std::string_view text) {
    if (is_event_stream_) {
        wire::stream_part event;
        event.text = text;
        const bool is_sent = co_await write_event(std::move(event));
        co_return is_sent;
    }
    while (!text.empty()) {
        wire::stream_part part;
        part.text = text.substr(0, piece_of(text));
        text.remove_prefix(part.text.size());
        const bool is_sent = co_await write_event(std::move(part));
        if (!is_sent) {
            co_return false;
        }
    }
    co_return ending_ != ending::cancelled;
}

asio::awaitable<bool> packet_stream::write_event(wire::stream_part event) {
    assert(is_open_);
    const std::size_t cost = event.cost();
    if (cost > wire::stream_part_cost_max) {
        throw std::length_error{"an event of a stream is too large"};
    }
    const bool may_send = co_await has_room(cost);
    if (may_send) {
        credit_ -= cost;
        session_.send_part(key_, event);
    }
    co_return may_send;
}

// Waits for credit; false when the caller has left.
asio::awaitable<bool> packet_stream::has_room(std::size_t cost) {
    while (credit_ < cost && ending_ != ending::cancelled) {
        net::one_shot<bool> granted;
        waiting_ = &granted;
        const auto woken = co_await granted.wait();
        waiting_ = nullptr;
        if (!woken) {
            co_return false; // the worker ends
        }
    }
    co_return ending_ != ending::cancelled;
}

void packet_stream::finish(const services::reply& outcome) {
    react_ = nullptr;
    if (ending_ != ending::cancelled) {
        session_.end_stream(key_, outcome);
    }
}

void packet_stream::grant(std::size_t bytes) {
    credit_ = std::min(credit_ + bytes, wire::stream_credit_bytes);
    wake();
}

void packet_stream::end(ending why) {
    if (ending_ == ending::cancelled || ending_ == why) {
        return;
    }
    ending_ = why;
    if (why == ending::cancelled && waiting_ != nullptr) {
        wake(); // the handler sees it by the result of write()
    } else if (const auto react = react_) {
        react();
    }
}

// May destroy this object.
void packet_stream::wake() {
    if (waiting_ != nullptr) {
        std::exchange(waiting_, nullptr)->set(true);
    }
}

} // namespace msd::host
