// SPDX-License-Identifier: Apache-2.0
#include "upstream/reply_stream.hpp"

#include "upstream/injected_faults.hpp"
#include "upstream/upstream_connection.hpp"
#include "wire/node_packets.hpp"

#include <string>
#include <utility>

namespace msd::upstream {

namespace {

// Credit is granted in portions, so that short parts do not cost a packet each. The service can
// always send the largest part: what is not granted yet is less than the rest of the credit.
constexpr std::size_t granted_at_least = wire::stream_credit_bytes - wire::stream_part_cost_max;

} // namespace

reply_stream::reply_stream(std::shared_ptr<upstream_connection> from, std::uint64_t key)
    : connection_{std::move(from)},
      key_{key},
      guard_{connection_->dog_, [this] {
                 wake();
             }} {
    connection_->streams_.emplace(key, this);
}

reply_stream::~reply_stream() {
    leave(true);
}

asio::awaitable<result<std::optional<wire::stream_part>>> reply_stream::next(deadline until) {
    if (parts_.empty() && connection_) {
        net::one_shot<bool> arrived;
        waiting_ = &arrived;
        guard_.set(until);
        const auto woken = co_await arrived.wait();
        guard_.clear();
        waiting_ = nullptr;
        if (!woken) {
            co_return tl::unexpected{woken.error()};
        }
        if (parts_.empty() && connection_) {
            co_return fail(errc::timeout, "no part of the stream arrived in time");
        }
    }
    if (parts_.empty()) {
        if (failure_) {
            co_return tl::unexpected{*failure_};
        }
        co_return std::nullopt;
    }
    wire::stream_part part = std::move(parts_.front());
    parts_.pop_front();
    if (bytes_left_ && part.text.size() > *bytes_left_) {
        parts_.clear();
        failure_ = error{errc::closed, std::string{try_fault::abort_text}};
        leave(true);
        co_return tl::unexpected{*failure_};
    }
    if (bytes_left_) {
        *bytes_left_ -= part.text.size();
    }
    taken_ += part.cost();
    if (taken_ >= granted_at_least && connection_) {
        const std::size_t bytes = std::exchange(taken_, 0);
        credit_ += bytes;
        connection_->connection_.compose([this, bytes](std::string& out) {
            wire::append_credit(out, key_, bytes);
        });
    }
    co_return std::optional{std::move(part)};
}

void reply_stream::cancel() {
    if (connection_ || !parts_.empty()) {
        parts_.clear();
        failure_ = error{errc::cancelled, "the caller no longer waits"};
        leave(true);
        wake();
    }
}

// `packet` has the key of this stream. May destroy this object.
void reply_stream::receive(const wire::packet& packet) {
    auto read = wire::read_stream_packet(packet);
    if (!read) {
        leave(true);
        return end(read.error());
    }
    if (read->has_part) {
        const std::size_t cost = read->part.cost();
        if (cost > credit_) {
            leave(true);
            return end(error{errc::malformed, "the service sends more than its credit"});
        }
        credit_ -= cost;
        parts_.push_back(std::move(read->part));
    }
    if (!read->ends) {
        return wake();
    }
    leave(false);
    if (read->failure.empty()) {
        return end(std::nullopt);
    }
    end(error{errc::unavailable, std::move(read->failure)});
}

// Nothing more arrives. May destroy this object.
void reply_stream::end(std::optional<error> why) {
    failure_ = std::move(why);
    connection_.reset();
    wake();
}

void reply_stream::leave(bool tells_service) {
    if (!connection_) {
        return;
    }
    const auto connection = std::move(connection_);
    connection->streams_.erase(key_);
    if (tells_service) {
        connection->connection_.compose([this](std::string& out) { wire::append_cancel(out, key_); }
        );
    }
    connection->close_if_drained();
}

// May destroy this object.
void reply_stream::wake() {
    if (waiting_ != nullptr) {
        std::exchange(waiting_, nullptr)->set(true);
    }
}

} // namespace msd::upstream
