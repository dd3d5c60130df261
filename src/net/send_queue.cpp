// SPDX-License-Identifier: Apache-2.0
#include "net/send_queue.hpp"

#include "base/enlisted.hpp"
#include "net/use_tuple.hpp"

#include <asio/post.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace msd::net {

namespace {

constexpr std::size_t piece_bytes_max =
    std::size_t{32} * 1024; // small texts share a piece up to that
constexpr std::size_t pieces_per_send = 16;
constexpr std::size_t sent_pieces_max = 64;
// The rest of a shared piece is copied when it is this small, to release its owner, which may be
// much larger.
constexpr std::size_t copied_rest_max = std::size_t{64} * 1024;

// Memory of pieces that were sent, for the next ones of any queue of the thread: so a short reply
// allocates nothing, and an idle connection keeps nothing.
constexpr std::size_t spares_max = 16;
constexpr std::size_t spare_bytes_min = 512;
constexpr std::size_t spare_bytes_max = std::size_t{4} * 1024;

std::vector<std::string>& spares() {
    thread_local std::vector<std::string> texts;
    return texts;
}

std::string take_spare() {
    auto& all = spares();
    std::string out;
    if (all.empty()) {
        out.reserve(spare_bytes_min);
    } else {
        out.swap(all.back());
        all.pop_back();
    }
    return out;
}

void keep_spare(std::string& text) {
    if (text.capacity() >= spare_bytes_min && text.capacity() <= spare_bytes_max &&
        spares().size() < spares_max) {
        text.clear();
        spares().push_back(std::move(text));
    }
}

} // namespace

send_queue::send_queue(asio::ip::tcp::socket& socket, std::function<void()> on_failure)
    : socket_{socket},
      on_failure_{std::move(on_failure)},
      alive_{std::make_shared<bool>(true)} {}

send_queue::~send_queue() {
    *alive_ = false;
}

void send_queue::append(std::string_view bytes) {
    compose([bytes](std::string& tail) { tail.append(bytes); });
}

void send_queue::append(std::shared_ptr<const void> owner, std::string_view bytes) {
    pieces_.push_back({{}, std::move(owner), bytes});
    appended(bytes.size());
}

std::string& send_queue::open_piece() {
    if (pieces_.empty() || pieces_.back().owner || pieces_.back().own.size() >= piece_bytes_max) {
        pieces_.emplace_back();
        pieces_.back().own = take_spare();
    }
    return pieces_.back().own;
}

void send_queue::appended(std::size_t bytes) {
    if (unsent_ == 0) {
        last_progress_ = clock::now();
    }
    unsent_ += bytes;
    if (flush_posted_ || waiting_writable_) {
        return;
    }
    flush_posted_ = true;
    asio::post(socket_.get_executor(), [this, alive = alive_] {
        if (*alive) {
            flush_posted_ = false;
            flush();
        }
    });
}

void send_queue::flush_now() {
    if (!waiting_writable_) {
        flush();
    }
}

void send_queue::flush() {
    while (unsent_ > 0) {
        if (!send_some()) {
            return;
        }
    }
    if (!pieces_.empty() || finish_) {
        became_empty();
    }
}

// False when the kernel accepts no more bytes now, or the connection failed.
bool send_queue::send_some() {
    std::array<iovec, pieces_per_send> vectors{};
    const std::size_t most = pieces_apart_ ? 1 : pieces_per_send;
    std::size_t count = 0;
    for (std::size_t i = first_; i < pieces_.size() && count < most; ++i) {
        const std::string_view bytes = pieces_[i].bytes().substr(count == 0 ? sent_of_first_ : 0);
        vectors[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        forget_sent(static_cast<std::size_t>(sent));
        return true;
    }
    if (errno == EINTR) {
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_writable();
    } else {
        on_failure_();
    }
    return false;
}

void send_queue::forget_sent(std::size_t bytes) {
    unsent_ -= bytes;
    last_progress_ = clock::now();
    bytes += sent_of_first_;
    while (first_ < pieces_.size() && bytes >= pieces_[first_].bytes().size()) {
        bytes -= pieces_[first_].bytes().size();
        keep_spare(pieces_[first_].own);
        pieces_[first_++] = {};
    }
    sent_of_first_ = bytes;
    release_owner();
    wake_waiting();
    // Frees the pieces that are sent, even if the queue never gets empty.
    if (first_ >= sent_pieces_max && first_ * 2 >= pieces_.size()) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

// Keeps the memory that the queue holds close to unsent_bytes().
void send_queue::release_owner() {
    if (pieces_apart_ || first_ == pieces_.size() || !pieces_[first_].owner) {
        return;
    }
    piece& begun = pieces_[first_];
    const std::string_view rest = begun.shared.substr(sent_of_first_);
    if (sent_of_first_ > rest.size() && rest.size() <= copied_rest_max) {
        begun.own = rest;
        begun.owner.reset();
        sent_of_first_ = 0;
    }
}

void send_queue::wait_writable() {
    waiting_writable_ = true;
    socket_.async_wait(
        asio::ip::tcp::socket::wait_write,
        // Cancelling the socket's reads also ends this wait; then sending is tried again.
        [this, alive = alive_](const asio::error_code& /*cancelled*/) {
            if (*alive) {
                waiting_writable_ = false;
                flush();
            }
        }
    );
}

void send_queue::became_empty() {
    pieces_.clear();
    first_ = 0;
    if (finish_) {
        asio::error_code ignored;
        socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }
}

asio::awaitable<bool> send_queue::unsent_below(std::size_t bytes, deadline until) {
    while (unsent_ > bytes && !until.passed()) {
        asio::steady_timer timer{socket_.get_executor(), until.at()};
        waiter self{timer, bytes};
        const enlisted<waiter*> waits{waiting_, &self};
        [[maybe_unused]] const auto [woken] = co_await timer.async_wait(use_tuple);
    }
    co_return unsent_ <= bytes;
}

void send_queue::wake_waiting() const {
    for (const waiter* const each : waiting_) {
        if (unsent_ <= each->unsent_max) {
            each->timer.cancel();
        }
    }
}

void send_queue::finish() {
    finish_ = true;
    if (unsent_ == 0) {
        became_empty();
    }
}

void send_queue::clear() {
    pieces_.clear();
    first_ = 0;
    sent_of_first_ = unsent_ = 0;
    wake_waiting();
}

} // namespace msd::net
