// SPDX-License-Identifier: Apache-2.0
#include "node/log_shipper.hpp"

#include "base/log.hpp"

#include <asio/post.hpp>

#include <utility>

namespace msd::node {

namespace {

// This thread sends a line now: what it logs meanwhile is not shipped.
thread_local bool is_sending = false;

struct sending_mark {
    sending_mark() { is_sending = true; }
    ~sending_mark() { is_sending = false; }
    sending_mark(const sending_mark&) = delete;
    sending_mark& operator=(const sending_mark&) = delete;
};

} // namespace

log_shipper::log_shipper(asio::any_io_executor executor, upstream::upstreams& services)
    : executor_{std::move(executor)},
      services_{services},
      alive_{std::make_shared<bool>(true)} {
    log::set_shipper([this](std::string_view line) { push(line); });
}

log_shipper::~log_shipper() {
    log::set_shipper({});
    *alive_ = false;
}

void log_shipper::push(std::string_view line) {
    if (is_sending) {
        return;
    }
    const std::lock_guard lock{mutex_};
    if (!quota_.take({}, 1, clock::now())) {
        ++dropped_;
        return;
    }
    if (waiting_.size() == lines_max) {
        waiting_.pop_front();
        ++dropped_;
    }
    waiting_.emplace_back(line);
    post_sending();
}

void log_shipper::wake() {
    const std::lock_guard lock{mutex_};
    if (!waiting_.empty()) {
        post_sending();
    }
}

void log_shipper::post_sending() {
    if (posted_) {
        return;
    }
    posted_ = true;
    asio::post(executor_, [this, alive = alive_] {
        if (*alive) {
            send_waiting();
        }
    });
}

void log_shipper::send_waiting() {
    for (;;) {
        std::string line;
        {
            const std::lock_guard lock{mutex_};
            posted_ = false;
            if (waiting_.empty() || !services_.knows("logs")) {
                return;
            }
            line = std::move(waiting_.front());
            waiting_.pop_front();
        }
        const sending_mark mark;
        upstream::outgoing packet;
        packet.method = "POST";
        packet.uri = "/logs";
        packet.params = line;
        if (!services_.post("logs", packet)) {
            const std::lock_guard lock{mutex_};
            waiting_.push_front(std::move(line));
            return;
        }
    }
}

std::uint64_t log_shipper::dropped() const {
    const std::lock_guard lock{mutex_};
    return dropped_;
}

} // namespace msd::node
