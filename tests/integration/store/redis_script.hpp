// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/use_tuple.hpp"
#include "wire/resp.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace msd::test {

// A server whose replies a test defines, for behaviour that a real Redis does not show. It answers
// greetings like Redis unless told otherwise; the script answers all other commands.
class redis_script {
public:
    /// Maps a command, its words separated by spaces, to the bytes to send; nullopt: no reply.
    using answer = std::function<std::string(const std::string& command)>;

    enum class greeting : std::uint8_t { by_itself, by_script };

    redis_script(asio::io_context& context, answer script, greeting greets = greeting::by_itself)
        : state_{std::make_shared<state>(context, std::move(script))} {
        state_->greets = greets;
        asio::co_spawn(context, accept(state_), asio::detached);
    }
    ~redis_script() { state_->acceptor.close(); }
    redis_script(const redis_script&) = delete;
    redis_script& operator=(const redis_script&) = delete;

    [[nodiscard]] std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
    [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port()); }
    [[nodiscard]] int connections() const { return state_->connections; }

    /// Sends replies byte by byte from now on, with this pause between bytes.
    void dribble(milliseconds pause) { state_->pause = pause; }

private:
    struct state {
        state(asio::io_context& context, answer told)
            : acceptor{context, {asio::ip::address_v4::loopback(), 0}},
              script{std::move(told)} {}
        asio::ip::tcp::acceptor acceptor;
        answer script;
        milliseconds pause{0};
        greeting greets = greeting::by_itself;
        int connections = 0;
    };

    static std::string text_of(const wire::resp_value& command) {
        std::string text;
        for (const auto& each : command.items) {
            text += (text.empty() ? "" : " ") + each.text;
        }
        return text;
    }

    static std::string reply_to(state& own, const std::string& command) {
        if (own.greets == greeting::by_script) {
            return own.script(command);
        }
        if (command.starts_with("HELLO")) {
            return "*4\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n";
        }
        if (command.starts_with("CLIENT")) {
            return "+OK\r\n";
        }
        return own.script(command);
    }

    static asio::awaitable<void> accept(std::shared_ptr<state> own) {
        for (;;) {
            auto [failure, socket] = co_await own->acceptor.async_accept(net::use_tuple);
            if (failure) {
                co_return;
            }
            ++own->connections;
            auto executor = own->acceptor.get_executor();
            asio::co_spawn(executor, serve(own, std::move(socket)), asio::detached);
        }
    }

    static asio::awaitable<void> serve(std::shared_ptr<state> own, asio::ip::tcp::socket socket) {
        wire::resp_reader reader{std::size_t{1} << 20};
        std::array<char, 4096> piece{};
        for (;;) {
            const auto [failure, bytes] =
                co_await socket.async_read_some(asio::buffer(piece), net::use_tuple);
            if (failure) {
                co_return;
            }
            reader.feed({piece.data(), bytes});
            std::string out;
            for (auto next = reader.next(); next.value().has_value(); next = reader.next()) {
                out += reply_to(*own, text_of(**next));
            }
            const std::size_t step = own->pause.count() > 0 ? 1 : out.size();
            for (std::size_t sent = 0; sent < out.size(); sent += step) {
                const auto part = asio::buffer(out.data() + sent, step);
                const auto [broken, size] =
                    co_await asio::async_write(socket, part, net::use_tuple);
                if (broken) {
                    co_return;
                }
                asio::steady_timer timer{socket.get_executor(), own->pause};
                co_await timer.async_wait(net::use_tuple);
            }
        }
    }

    std::shared_ptr<state> state_;
};

} // namespace msd::test
