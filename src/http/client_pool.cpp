// SPDX-License-Identifier: Apache-2.0
#include "http/client_pool.hpp"

#include <algorithm>
#include <utility>

namespace msd::http {

namespace {

// A program that announces how long it keeps an idle connection closes it then, and a request that
// crosses with the end is lost. So the connection is given up this much earlier.
constexpr milliseconds before_announced_end{1000};

} // namespace

client_pool::~client_pool() = default;

void client_pool::apply(limits chosen) {
    limits_ = chosen;
    while (idle_.size() > limits_.connections_max) {
        idle_.erase(idle_.begin());
    }
}

std::unique_ptr<client_connection> client_pool::take() {
    while (!idle_.empty()) {
        auto taken = std::move(idle_.back());
        idle_.pop_back();
        if (taken->wake()) {
            return taken;
        }
    }
    return nullptr;
}

void client_pool::put(std::unique_ptr<client_connection> connection) {
    milliseconds limit = limits_.idle_timeout;
    if (connection->announced_idle() != milliseconds::max()) {
        limit = std::min(limit, connection->announced_idle() - before_announced_end);
    }
    if (!open_ || limits_.connections_max == 0 || limit <= milliseconds{0} ||
        !connection->is_reusable()) {
        return; // its destructor closes it
    }
    if (idle_.size() >= limits_.connections_max) {
        idle_.erase(idle_.begin());
    }
    client_connection* const kept = connection.get();
    idle_.push_back(std::move(connection));
    kept->watch_idle([this, kept] { drop(kept); }, deadline::in(limit));
}

void client_pool::drop(const client_connection* ended) {
    std::erase_if(idle_, [ended](const auto& each) { return each.get() == ended; });
}

void client_pool::close() {
    open_ = false;
    idle_.clear();
}

} // namespace msd::http
