// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
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

// The right to hold one accepted connection that is not served yet. It is returned when the
// connection's coroutine has issued its first read, or when this object is destroyed. A worker
// whose loop hangs returns none, so it takes at most `credits` connections from the other workers.
class accept_credit {
public:
    accept_credit() = default;
    explicit accept_credit(listener* owner) : owner_{owner} {}
    accept_credit(accept_credit&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)} {}
    accept_credit& operator=(accept_credit&& other) noexcept {
        give_back();
        owner_ = std::exchange(other.owner_, nullptr);
        return *this;
    }
    accept_credit(const accept_credit&) = delete;
    accept_credit& operator=(const accept_credit&) = delete;
    ~accept_credit() { give_back(); }

    void give_back();

private:
    listener* owner_ = nullptr;
};

// Accepts from listening sockets that several worker processes share, so that connections spread
// evenly: an accept thread sleeps in an exclusive epoll set and adds the socket again after every
// accept, which moves this worker to the end of the kernel's queue. The accept thread hands the
// connections to the loop's thread.
class listener {
public:
    /// Called on the loop's thread; takes ownership of the non-blocking descriptor.
    using handler = std::function<void(int fd, accept_credit credit)>;

    static constexpr int credits = 2;

    /// Takes ownership of the sockets.
    listener(asio::any_io_executor executor, const std::vector<int>& sockets, handler on_accept);
    /// Stops, joins the thread, closes the sockets.
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Accepts nothing until resume(). Connections accepted before are still delivered to the
    /// handler; new ones wait in the sockets' queues.
    void pause();
    void resume();
    /// Stops accepting permanently and closes the sockets.
    void stop();

private:
    friend class accept_credit;
    void run();
    int accept_one(int socket);
    void refuse_one(int socket);
    void take_reserve();
    void arm(bool wanted);
    void wake();

    asio::any_io_executor executor_;
    std::vector<unique_fd> sockets_;
    handler on_accept_;
    unique_fd epoll_;
    unique_fd event_;
    unique_fd reserve_; // closed for a moment when descriptors run out
    std::atomic<int> returned_{0};
    std::atomic<bool> stopping_{false};
    bool armed_ = false; // accept thread only, as the three below
    core::exhaustion exhausted_;
    time_point paused_until_{};
    int held_ = 0; // credits in use
    std::thread thread_;
};

} // namespace msd::net
