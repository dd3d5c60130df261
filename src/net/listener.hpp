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

// Right to hold one accepted connection that was not served yet. Given back when the connection's
// coroutine has issued its first read, or when this is destroyed. A worker whose loop hangs gives
// none back, so it takes at most `credits` connections from its siblings.
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

// Accepts from listening sockets that several worker processes share, so that each gets its share
// of the connections: a thread of its own sleeps in an exclusive epoll set and adds the socket anew
// after every accept, which moves this worker to the end of the kernel's queue. Connections are
// handed to the loop's thread.
class listener {
public:
    /// Called on the loop's thread with a non-blocking descriptor to own.
    using handler = std::function<void(int fd, accept_credit credit)>;

    static constexpr int credits = 2;

    /// Owns the sockets from here on.
    listener(asio::any_io_executor executor, const std::vector<int>& sockets, handler on_accept);
    /// Stops, joins the thread, closes the sockets.
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Accepts nothing until resume(). What was accepted before is still delivered to the handler;
    /// what comes meanwhile waits in the sockets' queues.
    void pause();
    void resume();
    /// Ends accepting for good and closes the sockets.
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
