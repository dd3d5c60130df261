// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "core/accept_share.hpp"
#include "core/exhaustion.hpp"

#include <asio/any_io_executor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace msd::net {

class listener;

// Counts one connection as open, for accept_share, until it is destroyed.
class open_mark {
public:
    open_mark() = default;
    explicit open_mark(core::accept_share* share) : share_{share} {}
    open_mark(open_mark&& other) noexcept : share_{std::exchange(other.share_, nullptr)} {}
    open_mark& operator=(open_mark&& other) noexcept {
        close();
        share_ = std::exchange(other.share_, nullptr);
        return *this;
    }
    open_mark(const open_mark&) = delete;
    open_mark& operator=(const open_mark&) = delete;
    ~open_mark() { close(); }

private:
    void close() {
        if (share_ != nullptr) {
            share_->closed();
            share_ = nullptr;
        }
    }

    core::accept_share* share_ = nullptr;
};

// Right to hold one accepted connection that was not served yet. Given back when the connection's
// coroutine has issued its first read, or when this is destroyed. A worker whose loop hangs gives
// none back, so it takes at most `credits` connections from its siblings.
class accept_credit {
public:
    accept_credit() = default;
    accept_credit(listener* owner, open_mark open) : owner_{owner}, open_{std::move(open)} {}
    accept_credit(accept_credit&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)},
          open_{std::move(other.open_)} {}
    accept_credit& operator=(accept_credit&& other) noexcept {
        give_back();
        owner_ = std::exchange(other.owner_, nullptr);
        open_ = std::move(other.open_);
        return *this;
    }
    accept_credit(const accept_credit&) = delete;
    accept_credit& operator=(const accept_credit&) = delete;
    ~accept_credit() { give_back(); }

    void give_back();
    /// For whoever owns the connection, to keep for as long as it is open.
    [[nodiscard]] open_mark take_mark() { return std::move(open_); }

private:
    listener* owner_ = nullptr;
    open_mark open_;
};

// Accepts from listening sockets that several worker processes share, so that each gets its share
// of the connections: a thread of its own sleeps in an exclusive epoll set and adds the socket anew
// after every accept, which moves this worker to the end of the kernel's queue. In a burst
// core/accept_share decides who accepts. Connections are handed to the loop's thread.
class listener {
public:
    /// Called on the loop's thread with a non-blocking descriptor to own.
    using handler = std::function<void(int fd, accept_credit credit)>;

    static constexpr int credits = 2;

    /// Owns the sockets from here on. `share` outlives the listener and all marks; null: none.
    listener(
        asio::any_io_executor executor,
        const std::vector<int>& sockets,
        handler on_accept,
        core::accept_share* share = nullptr
    );
    /// Stops, joins the thread, closes the sockets.
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Accepts nothing until resume(). What was accepted before is still delivered to the handler;
    /// what comes meanwhile waits in the sockets' queues.
    void pause();
    void resume();
    /// Ends accepting for good and closes the sockets. What waits in their queues is left to the
    /// other processes that have them.
    void stop();
    /// The same when nobody else will accept: takes what waits in the queues first, since the
    /// kernel resets it when the last copy of a socket is closed. On the loop's thread.
    void stop_with_queue();

private:
    friend class accept_credit;
    void run();
    int accept_one(int socket);
    void count_accepted();
    [[nodiscard]] bool leaves_to_siblings(bool is_paused);
    [[nodiscard]] bool is_waiting() const;
    void refuse_one(int socket);
    void take_reserve();
    void arm(bool wanted);
    void wake();

    asio::any_io_executor executor_;
    std::vector<unique_fd> sockets_;
    handler on_accept_;
    core::accept_share* share_;
    unique_fd epoll_;
    unique_fd event_;
    unique_fd reserve_; // given up for a moment when descriptors run out
    std::atomic<int> returned_{0};
    std::atomic<bool> stopping_{false};
    bool armed_ = false; // accept thread only, as the three below
    core::exhaustion exhausted_;
    time_point paused_until_{};
    int held_ = 0; // credits in use
    std::thread thread_;
};

} // namespace msd::net
