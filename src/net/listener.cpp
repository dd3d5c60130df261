// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include "base/log.hpp"
#include "net/quiet_thread.hpp"

#include <asio/post.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace msd::net {

namespace {

constexpr std::uint64_t event_mark = ~std::uint64_t{0};

// More than the queue of one socket holds (net.core.somaxconn).
constexpr int rest_max = 65'536;

} // namespace

void accept_credit::give_back() {
    if (owner_ == nullptr) {
        return;
    }
    listener* const owner = std::exchange(owner_, nullptr);
    // Only the first credit since the accept thread last looked needs to wake it.
    if (owner->returned_.fetch_add(1) == 0) {
        owner->wake();
    }
}

listener::listener(
    asio::any_io_executor executor,
    const std::vector<int>& sockets,
    handler on_accept,
    core::accept_share* share
)
    : executor_{std::move(executor)},
      on_accept_{std::move(on_accept)},
      share_{share},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      event_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
    take_reserve();
    for (const int socket : sockets) {
        sockets_.emplace_back(socket);
        fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = event_mark;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event);
    resume();
}

listener::~listener() {
    stop();
}

void listener::pause() {
    stopping_ = true;
    wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void listener::resume() {
    stopping_ = false;
    thread_ = quiet_thread([this] { run(); });
}

void listener::stop() {
    pause();
    sockets_.clear();
}

void listener::stop_with_queue() {
    pause();
    for (const unique_fd& each : sockets_) {
        for (int count = 0; count < rest_max; ++count) {
            const int fd = accept4(each.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                count_accepted();
                on_accept_(fd, accept_credit{nullptr, open_mark{share_}});
            } else if (errno != EINTR && errno != ECONNABORTED) {
                break;
            }
        }
    }
    sockets_.clear();
}

void listener::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(event_.get(), &one, sizeof one);
}

void listener::run() {
    while (!stopping_) {
        held_ -= returned_.exchange(0);
        const deadline paused{paused_until_};
        const bool is_paused = !paused.passed();
        const bool leaves = leaves_to_siblings(is_paused);
        arm(held_ < credits && !is_paused && !leaves);
        const int wait_ms = is_paused ? static_cast<int>(paused.left().count()) + 1
                            : leaves  ? 1
                                      : -1;
        std::array<epoll_event, 8> events{};
        const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
        for (int i = 0; i < count; ++i) {
            if (events[static_cast<std::size_t>(i)].data.u64 == event_mark) {
                std::uint64_t drained = 0;
                [[maybe_unused]] const auto got = read(event_.get(), &drained, sizeof drained);
            } else if (armed_ && held_ < credits) {
                held_ += accept_one(sockets_[events[static_cast<std::size_t>(i)].data.u64].get());
            }
        }
    }
    arm(false);
    if (share_ != nullptr) {
        share_->end();
    }
}

// Also updates in the scoreboard whether this worker accepts connections.
bool listener::leaves_to_siblings(bool is_paused) {
    if (share_ == nullptr) {
        return false;
    }
    if (is_paused) {
        share_->end();
        return false;
    }
    share_->begin();
    return share_->leaves_to_siblings(clock::now(), [this] { return is_waiting(); });
}

bool listener::is_waiting() const {
    for (const unique_fd& each : sockets_) {
        pollfd asked{each.get(), POLLIN, 0};
        if (poll(&asked, 1, 0) == 1) {
            return true;
        }
    }
    return false;
}

void listener::count_accepted() {
    if (share_ != nullptr) {
        share_->accepted();
    }
}

// Returns how many connections were accepted: 0 when another worker was faster.
int listener::accept_one(int socket) {
    const int fd = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (core::is_exhaustion(errno)) {
            refuse_one(socket);
        }
        return 0;
    }
    arm(false); // armed again at the end of the kernel's queue
    if (const auto pauses = exhausted_.ends(clock::now())) {
        log::info("accepting again without pauses, after {} pauses", *pauses);
    }
    take_reserve();
    count_accepted();
    asio::post(executor_, [this, fd] { on_accept_(fd, accept_credit{this, open_mark{share_}}); });
    return 1;
}

// The process has no descriptor left. The waiting connection would wake the accept thread again and
// again, so it is accepted with the reserve descriptor and closed: its client sees the connection
// end instead of waiting. Then accepting pauses; other connections wait in the queue for any
// worker.
void listener::refuse_one(int socket) {
    const std::error_code reason{errno, std::generic_category()};
    reserve_.reset();
    { const unique_fd refused{accept4(socket, nullptr, nullptr, SOCK_CLOEXEC)}; }
    take_reserve();
    arm(false);
    const time_point now = clock::now();
    paused_until_ = now + core::exhaustion_pause;
    if (exhausted_.begins(now)) {
        log::warning(
            "accepting pauses for {} ms, repeatedly until descriptors are free: {}",
            core::exhaustion_pause.count(),
            reason.message()
        );
    }
}

// The loop's thread may have used the descriptor that closing the reserve left free. Then the next
// call tries again.
void listener::take_reserve() {
    if (!reserve_) {
        reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
}

void listener::arm(bool wanted) {
    if (armed_ == wanted) {
        return;
    }
    armed_ = wanted;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLEXCLUSIVE;
        event.data.u64 = i;
        epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, sockets_[i].get(), &event);
    }
}

} // namespace msd::net
