// SPDX-License-Identifier: Apache-2.0
// How a packet connection ends: which replies the peer still gets, and how long msd waits for it.
#include "base/log.hpp"
#include "host/packet_session.hpp"
#include "net/use_tuple.hpp"

#include <algorithm>

namespace msd::host {

namespace {

constexpr std::size_t unsent_bytes_most = 256U << 20;
constexpr std::size_t unsent_to_count = 1U << 20;   // with less, the peer reads fast enough
constexpr milliseconds violation_close_limit{5000}; // for the last replies after malformed packets
constexpr milliseconds peer_close_limit{2000};      // to close, for a peer without pending replies
// The same for an msd peer after goaway: it opens another connection first.
constexpr milliseconds goaway_limit{5000};

} // namespace

void packet_session::refuse_size(std::string_view received) {
    log::warning("{} sent more than packets.request_bytes_max", connection_.peer().text());
    static_cast<void>(packet_.parse(received, wire::request_bounds)); // for its key
    refuse("packet too large", 413);
}

bool packet_session::malformed(std::string_view why) {
    if (malformed_++ == 0) {
        log::warning("{} sent a malformed packet: {}", connection_.peer().text(), why);
    }
    refuse("malformed packet", 400);
    if (malformed_ < host_.settings().packets.malformed_max) {
        return true;
    }
    log::warning(
        "{} sent {} malformed packets: closing the connection",
        connection_.peer().text(),
        malformed_
    );
    return false;
}

void packet_session::close_other_protocol() {
    log::debug("{} does not send packets: closing it", connection_.peer().text());
    ++host_.other_protocols;
    connection_.close();
}

// Waits until the handlers have ended, and then until the peer has read their replies. A peer that
// has shut down its sending side may still read: it gets all replies. A peer that sent malformed
// packets gets only the replies that are ready within violation_close_limit.
asio::awaitable<void> packet_session::close_after_replies(bool peer_ended) {
    const deadline violation_deadline = deadline::in(violation_close_limit);
    const deadline answered_by = peer_ended ? owed_until_ : violation_deadline;
    while (connection_.is_open() && !running_.empty() && !answered_by.passed()) {
        idle_.expires_at(answered_by.at());
        const auto [woken] = co_await idle_.async_wait(net::use_tuple);
        (void)woken;
    }
    const deadline read_by = peer_ended ? deadline::in(unread_limit) : violation_deadline;
    const bool sent = co_await connection_.flushed(read_by);
    if (sent) {
        co_await connection_.linger();
    }
    connection_.close();
}

void packet_session::close_if_unread() {
    if (connection_.unsent_bytes() > unsent_bytes_most) {
        close_unread();
    } else if (connection_.unsent_bytes() > unsent_to_count) {
        host_.bound_unsent();
    }
}

void packet_session::close_unread() {
    log::warning(
        "closing {}: it sends requests but does not read the replies",
        connection_.peer().text()
    );
    connection_.close();
}

void packet_session::start_draining() {
    is_draining_ = true;
    if (msd_) {
        send_goaway();
    }
    end_streams(services::stream_writer::ending::draining);
    close_if_done();
}

void packet_session::send_goaway() {
    connection_.compose([this](std::string& out) { wire::append_goaway(out, last_key_); });
    if (!finishing_) {
        received_at_ = clock::now();
        end_guard_.set(deadline::in(goaway_limit));
    }
}

// Ends the stream when no request is in work and no received bytes are left. A request that the
// peer sends later crosses the end of the stream.
void packet_session::close_if_done() {
    if (is_draining_ && has_received_ && !connection_.has_unreceived() &&
        connection_.unread().empty()) {
        close_if_idle();
    }
}

void packet_session::close_if_idle() {
    if (is_draining_ && !msd_ && in_work_ == 0) {
        finish();
    }
}

void packet_session::finish() {
    connection_.finish_sending();
    if (!finishing_) {
        finishing_ = true;
        end_guard_.set(deadline::in(has_received_ ? peer_close_limit : milliseconds{0}));
    }
}

// A peer without pending replies must not delay the shutdown of the worker by keeping its
// connection open: an msd peer that ignores goaway, or any peer that ignores the end of the stream.
void packet_session::on_end_guard() {
    const bool owes = in_work_ > 0 || connection_.unsent_bytes() > 0;
    if (finishing_ && !owes) {
        connection_.close();
    } else if (finishing_) {
        end_guard_.set(deadline::in(peer_close_limit));
    } else if (owes || clock::now() < received_at_ + goaway_limit) {
        end_guard_.set(deadline{std::max(received_at_, clock::now()) + goaway_limit});
    } else {
        finish();
    }
}

} // namespace msd::host
