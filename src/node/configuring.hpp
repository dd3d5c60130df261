// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "core/worker_message.hpp"

#include <asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace msd::node {

class role;

// The configuration files that the master sends to a running worker (CONFIGURE), for its role to
// apply one after the other. A file that arrives before the role has started, or while the role
// applies another one, waits. Only the newest file matters, so it replaces one that waits.
class configuring {
public:
    /// Sends an answer to the master.
    using sender = std::function<void(core::worker_message::kind what, std::string text)>;

    configuring(role& of, sender send);

    /// Notes the file that came with `number`; its descriptor is the only one of `attached`.
    void note(const std::string& number, std::vector<unique_fd> attached);
    /// Call it once the role has started.
    void start() { has_started_ = true; }

    /// True when the caller has to spawn run(). It is false while a run() is under way.
    [[nodiscard]] bool is_due() const { return has_started_ && !is_running_ && next_.has_value(); }
    /// Applies the files that wait, and answers for each of them. Call it only when is_due().
    [[nodiscard]] asio::awaitable<void> run();

private:
    struct configuration {
        std::string number;
        unique_fd file;
    };

    asio::awaitable<void> apply_all();

    role& role_;
    sender send_;
    std::optional<configuration> next_;
    bool has_started_ = false;
    bool is_running_ = false;
};

} // namespace msd::node
