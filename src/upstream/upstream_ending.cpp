// SPDX-License-Identifier: Apache-2.0
// How a connection ends: by goaway, by drain(), and when it is lost.
#include "base/log.hpp"
#include "upstream/upstream_connection.hpp"

namespace msd::upstream {

namespace {

constexpr milliseconds flush_limit{1000};

} // namespace

void upstream_connection::handle_goaway() {
    log::debug("{} sent goaway", connection_.peer().text());
    if (state_ == state::ready) {
        become(state::going_away);
    } else {
        drain();
    }
}

void upstream_connection::drain() {
    if (state_ == state::closed) {
        return;
    }
    abandoned_.clear();
    become(state::draining);
    close_if_drained();
}

void upstream_connection::close_if_drained() {
    if (state_ == state::draining && pending_.empty() && streams_.empty()) {
        close_when_flushed();
    }
}

// Called when no call is in flight any more. Queued one-way requests are still sent.
void upstream_connection::close_when_flushed() {
    if (connection_.unsent_bytes() == 0) {
        close();
        return;
    }
    connection_.finish_sending();
    flush_until_ = clock::now() + flush_limit;
    guard_.set(deadline{flush_until_});
}

void upstream_connection::close() {
    if (state_ == state::closed) {
        return;
    }
    const auto self = weak_from_this().lock(); // waiters may drop the last other reference
    connection_.close();
    guard_.clear();
    abandoned_.clear();
    become(state::closed);
    greeting_.set(false);
    fail_all(errc::closed, "the connection with " + connection_.peer().text() + " ended");
}

void upstream_connection::fail_all(errc code, const std::string& text) {
    while (!pending_.empty()) {
        pending& waiting = *pending_.begin()->second;
        pending_.erase(pending_.begin());
        waiting.outcome.set(fail(code, text));
    }
    while (!streams_.empty()) {
        reply_stream& open = *streams_.begin()->second;
        streams_.erase(streams_.begin());
        open.end(error{code, text});
    }
}

} // namespace msd::upstream
