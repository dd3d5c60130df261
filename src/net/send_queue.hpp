// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::net {

// The bytes that a connection still has to send. Appending never waits: bytes are queued and leave
// together at the end of the loop's turn, so a burst costs one system call; what the kernel does
// not accept is sent when the socket is writable. Small texts are copied and share a piece; large
// ones are not copied but kept alive. The caller limits the queue by unsent_bytes(). The connection
// owns the queue and the socket. Single-threaded.
class send_queue {
public:
    /// `on_failure` is called once when sending fails; it must clear() the
    /// queue.
    send_queue(asio::ip::tcp::socket& socket, std::function<void()> on_failure);
    ~send_queue();
    send_queue(const send_queue&) = delete;
    send_queue& operator=(const send_queue&) = delete;

    void append(std::string_view bytes);
    /// `bytes` stay valid as long as `owner` lives; they are not copied.
    void append(std::shared_ptr<const void> owner, std::string_view bytes);
    /// Lets `write` append to the last piece directly: void(std::string&).
    template <class Write>
    void compose(Write write) {
        std::string& tail = open_piece();
        const std::size_t before = tail.size();
        write(tail);
        appended(tail.size() - before);
    }

    /// Sends now what the kernel accepts, not at the end of the loop's turn. May call `on_failure`.
    void flush_now();
    /// compose() and flush_now(), for what will be followed by nothing in this turn.
    template <class Write>
    void compose_now(Write write) {
        const bool is_posted = std::exchange(flush_posted_, true); // no post is needed
        compose(write);
        flush_posted_ = is_posted;
        flush_now();
    }
    /// Each system call sends one piece only, for legacy peers that expect whole packets.
    void send_pieces_apart() { pieces_apart_ = true; }
    /// Shuts the sending side down once everything is sent.
    void finish();
    /// Drops all bytes; the connection ended.
    void clear();

    [[nodiscard]] std::size_t unsent_bytes() const { return unsent_; }
    /// Calls `take` for each unsent piece: void(std::shared_ptr<const void>, std::string_view). A
    /// piece that was copied has no owner.
    template <class Take>
    void for_each_unsent(Take take) const {
        for (std::size_t i = first_; i < pieces_.size(); ++i) {
            const std::size_t sent = i == first_ ? sent_of_first_ : 0;
            take(pieces_[i].owner, pieces_[i].bytes().substr(sent));
        }
    }
    /// When the queue was last empty or the kernel last accepted a byte.
    [[nodiscard]] time_point last_progress() const { return last_progress_; }
    /// Waits until the queue is empty; false when `until` passed first.
    asio::awaitable<bool> flushed(deadline until) { return unsent_below(0, until); }
    /// Waits until at most `bytes` are unsent; false when `until` passed first.
    asio::awaitable<bool> unsent_below(std::size_t bytes, deadline until);

private:
    struct waiter {
        asio::steady_timer& timer;
        std::size_t unsent_max;
    };

    struct piece {
        std::string own;
        std::shared_ptr<const void> owner;
        std::string_view shared;
        [[nodiscard]] std::string_view bytes() const {
            return owner ? shared : std::string_view{own};
        }
    };

    [[nodiscard]] std::string& open_piece();
    void appended(std::size_t bytes);
    void flush();
    [[nodiscard]] bool send_some();
    void forget_sent(std::size_t bytes);
    void release_owner();
    void wait_writable();
    void became_empty();
    void wake_waiting() const;

    asio::ip::tcp::socket& socket_;
    std::function<void()> on_failure_;
    std::vector<piece> pieces_;
    std::size_t first_ = 0; // pieces before this one are sent
    std::size_t sent_of_first_ = 0;
    std::size_t unsent_ = 0;
    time_point last_progress_ = clock::now();
    std::list<waiter*> waiting_; // their timers are cancelled when so few bytes are unsent
    bool flush_posted_ = false;
    bool waiting_writable_ = false;
    bool finish_ = false;
    bool pieces_apart_ = false;
    std::shared_ptr<bool> alive_; // false once destroyed: for callbacks still queued in the loop
};

} // namespace msd::net
