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

// The right to hold one accepted connection that is not served yet. It is returned when the
// connection's coroutine has issued its first read, or when this object is destroyed. A worker
// whose loop hangs returns no credits, so it holds up at most `credits` connections.
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
    /// The owner of the connection keeps this mark for as long as the connection is open.
    [[nodiscard]] open_mark take_mark() { return std::move(open_); }

private:
    listener* owner_ = nullptr;
    open_mark open_;
};

// Accepts from listening sockets that several worker processes share, so that connections spread
// evenly: an accept thread sleeps in an exclusive epoll set and adds the socket again after every
// accept, which moves this worker to the end of the kernel's queue. In a burst, core/accept_share
// decides which worker accepts. The accept thread hands the connections to the loop's thread.
class listener {
public:
    /// Called on the loop's thread; takes ownership of the non-blocking descriptor.
    using handler = std::function<void(int fd, accept_credit credit)>;

    static constexpr int credits = 2;

    /// Takes ownership of the sockets. `share` outlives the listener and all marks; null: none.
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

    /// Accepts nothing until resume(). Connections accepted before are still delivered to the
    /// handler; new ones wait in the sockets' queues.
    void pause();
    void resume();
    /// Stops accepting permanently and closes the sockets. Connections that wait in their queues
    /// are left to the other processes that have the sockets.
    void stop();
    /// The same when no other process will accept: first accepts the connections that wait in the
    /// queues, because the kernel resets them when the last copy of a socket is closed. Call on
    /// the loop's thread.
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
    unique_fd reserve_; // closed for a moment when descriptors run out
    std::atomic<int> returned_{0};
    std::atomic<bool> stopping_{false};
    bool armed_ = false; // used by the accept thread only, like the three below
    core::exhaustion exhausted_;
    time_point paused_until_{};
    int held_ = 0; // credits in use
    std::thread thread_;
};

} // namespace msd::net
