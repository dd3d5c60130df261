// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/loop.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd::test {

// A web program that misbehaves as its test has written down: each accepted connection follows the
// next script. Bytes, not HTTP: so it can send what no library would.
class scripted_program {
public:
    struct step {
        std::string
            until; // waits until what has been received ends with this; empty: does not wait
        std::string reply;
    };
    struct script {
        std::vector<step> steps;
        bool closes = false; // at the end; otherwise it waits for the peer to close
        bool resets = false; // at the end
    };

    static constexpr const char* head_end = "\r\n\r\n";

    scripted_program(loop& on, std::vector<script> scripts)
        : door_{on.context},
          scripts_{
              std::make_move_iterator(scripts.begin()),
              std::make_move_iterator(scripts.end())},
          tasks_{on.tasks} {
        tasks_.spawn(accept());
    }

    /// Each request gets this reply, on one connection.
    static script answering(std::vector<std::string> replies) {
        script out;
        for (std::string& reply : replies) {
            out.steps.push_back({head_end, std::move(reply)});
        }
        return out;
    }
    static script closing(std::vector<std::string> replies) {
        script out = answering(std::move(replies));
        out.closes = true;
        return out;
    }

    [[nodiscard]] std::string address() { return "127.0.0.1:" + std::to_string(door_.port()); }
    [[nodiscard]] std::uint16_t port() { return door_.port(); }
    void shut() { door_.shut(); }

    std::vector<std::string> received; // on each connection
    std::size_t sent = 0;              // bytes that the kernel has taken
    std::size_t ended = 0;             // connections that the peer has ended

private:
    asio::awaitable<void> accept() {
        while (!scripts_.empty()) {
            auto socket = co_await door_.next();
            script next = std::move(scripts_.front());
            scripts_.pop_front();
            received.emplace_back();
            tasks_.spawn(serve(std::move(socket), std::move(next), received.size() - 1));
        }
    }

    asio::awaitable<void> serve(asio::ip::tcp::socket socket, script what, std::size_t index) {
        for (const step& each : what.steps) {
            const std::size_t from = received[index].size();
            while (!each.until.empty() && !received[index].substr(from).ends_with(each.until)) {
                const bool more = co_await read(&socket, index);
                if (!more) {
                    co_return;
                }
            }
            std::size_t done = 0;
            while (done < each.reply.size()) {
                const auto rest = asio::buffer(each.reply) + done;
                const auto [failure, bytes] =
                    co_await socket.async_write_some(rest, net::use_tuple);
                if (failure) {
                    break;
                }
                done += bytes;
                sent += bytes;
            }
        }
        if (what.resets) {
            socket.set_option(asio::socket_base::linger{true, 0});
            socket.close(); // the destructor would undo the option
        }
        bool more = !what.closes && !what.resets;
        while (more) {
            more = co_await read(&socket, index);
        }
    }

    asio::awaitable<bool> read(asio::ip::tcp::socket* from, std::size_t index) {
        std::string piece(std::size_t{64} * 1024, '\0');
        const auto room = asio::buffer(piece);
        const auto [failure, bytes] = co_await from->async_read_some(room, net::use_tuple);
        received[index].append(piece, 0, bytes);
        ended += failure ? 1 : 0;
        co_return !failure;
    }

    doorway door_;
    std::deque<script> scripts_;
    net::task_group& tasks_;
};

} // namespace msd::test
