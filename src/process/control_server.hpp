// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/master_state.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>

namespace msd::process {

// The answer to a command, or the number of the question on which it depends: then it comes later,
// by control_server::answer(), and is not 0.
struct control_answer {
    control_answer(std::string said) : text{std::move(said)} {} // NOLINT(*-explicit-*): it is one
    [[nodiscard]] static control_answer later(std::uint64_t question) {
        control_answer made{std::string{}};
        made.question = question;
        return made;
    }

    std::string text; // one line, without the line feed
    std::uint64_t question = 0;
};

// Answers commands on a Unix socket: a command is one JSON object on a line, the answer is one
// line. Every process that may open the socket (mode 0660: same user or group) may control the
// master. The number of clients, the line length and the time are limited, and no call blocks.
class control_server {
public:
    static constexpr std::size_t clients_max = 16;
    static constexpr std::size_t command_bytes_max = 4096;
    static constexpr milliseconds client_timeout{10'000}; // without a byte in either direction

    /// Gets one line without the line feed.
    using handler = std::function<control_answer(std::string_view command)>;

    /// Listens at `path` and replaces an existing socket there: the caller holds the pid file, so
    /// no master uses that socket. errc::invalid: the path is longer than 107 bytes.
    [[nodiscard]] static result<control_server>
    listen_at(const std::filesystem::path& path, handler answer);

    /// Continues the server, with its clients, of the program that this process executed before.
    [[nodiscard]] static control_server adopt(control_state left, handler answer);
    /// The state for adopt(). This server keeps its descriptors.
    [[nodiscard]] control_state state() const;

    control_server(control_server&&) = default;
    control_server& operator=(control_server&&) = delete;
    control_server(const control_server&) = delete;
    control_server& operator=(const control_server&) = delete;
    /// Closes everything and removes the socket.
    ~control_server();

    /// Becomes readable when serve() has something to do.
    [[nodiscard]] int descriptor() const { return epoll_.get(); }
    void serve(time_point now);
    /// Answers the command that depends on this question; does nothing when its client has left.
    void answer(std::uint64_t question, std::string text, time_point now);
    /// Closes clients that were idle for client_timeout.
    void expire(time_point now);
    [[nodiscard]] time_point next_due() const;

private:
    struct client {
        unique_fd socket;
        std::string received;
        std::string unsent;
        time_point until{};
        std::uint64_t question = 0; // its command waits for this
    };

    control_server(std::filesystem::path path, unique_fd listener, handler answer);
    void accept_one(time_point now);
    [[nodiscard]] bool serve_one(client& each, time_point now);
    [[nodiscard]] bool serve_commands(client& each);
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
