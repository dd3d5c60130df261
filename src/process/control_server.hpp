// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/master_state.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <string_view>

namespace msd::process {

// Answers commands on a Unix socket: one JSON object a line, one line back. Whoever may open the
// socket may steer the master (0660, so its user and group). Bounded in clients, line length and
// time, and never waits: a client that stalls is its own problem.
class control_server {
public:
    static constexpr std::size_t clients_max = 16;
    static constexpr std::size_t command_bytes_max = 4096;
    static constexpr milliseconds client_timeout{10'000}; // without a byte in either direction

    /// Gets one line, returns one line, both without the line feed.
    using handler = std::function<std::string(std::string_view command)>;

    /// Listens at `path`; a socket that is there already is replaced (the pid file says that it is
    /// nobody's). errc::invalid: the path is longer than 107 bytes.
    [[nodiscard]] static result<control_server>
    listen_at(const std::filesystem::path& path, handler answer);

    /// The one that another program in this process left, with its clients.
    [[nodiscard]] static control_server adopt(control_state left, handler answer);
    /// For adopt(); the descriptors stay this one's.
    [[nodiscard]] control_state state() const;

    control_server(control_server&&) = default;
    control_server& operator=(control_server&&) = delete;
    control_server(const control_server&) = delete;
    control_server& operator=(const control_server&) = delete;
    /// Closes everything and removes the socket.
    ~control_server();

    /// Readable when serve() has something to do.
    [[nodiscard]] int descriptor() const { return epoll_.get(); }
    void serve(time_point now);
    /// Drops clients whose time is over.
    void expire(time_point now);
    [[nodiscard]] time_point next_due() const;

private:
    struct client {
        unique_fd socket;
        std::string received;
        std::string unsent;
        time_point until{};
    };

    control_server(std::filesystem::path path, unique_fd listener, handler answer);
    void accept_one(time_point now);
    [[nodiscard]] bool serve_one(client& each, time_point now);
    [[nodiscard]] bool receive(client& from);
    [[nodiscard]] bool send_some(client& to) const;

    std::filesystem::path path_;
    unique_fd listener_;
    unique_fd epoll_;
    time_point accepts_again_ = time_point::max(); // after it found no descriptor left
    handler answer_;
    std::list<client> clients_;
};

} // namespace msd::process
