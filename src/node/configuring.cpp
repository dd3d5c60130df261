// SPDX-License-Identifier: Apache-2.0
#include "node/configuring.hpp"

#include "base/exception_text.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "node/worker.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace msd::node {

using kind = core::worker_message::kind;

configuring::configuring(role& of, sender send) : role_{of}, send_{std::move(send)} {}

void configuring::note(const std::string& number, std::vector<unique_fd> attached) {
    if (attached.size() != 1) {
        send_(kind::refused, fmt::format("{} no file is attached", number));
        return;
    }
    next_ = configuration{number, std::move(attached.front())};
}

// Not a coroutine, so that is_due() is false before the task runs for the first time.
asio::awaitable<void> configuring::run() {
    is_running_ = true;
    return apply_all();
}

asio::awaitable<void> configuring::apply_all() {
    while (next_) {
        configuration applied = std::move(*next_);
        next_.reset();
        result<void> outcome;
        try {
            outcome = co_await role_.configure(std::move(applied.file));
        } catch (...) {
            outcome = fail(errc::internal, exception_text(std::current_exception()));
        }
        if (outcome) {
            send_(kind::configured, applied.number);
        } else {
            log::error("the configuration is not applied: {}", outcome.error().text);
            send_(kind::refused, fmt::format("{} {}", applied.number, outcome.error().text));
        }
    }
    is_running_ = false;
}

} // namespace msd::node
