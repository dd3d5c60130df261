// SPDX-License-Identifier: Apache-2.0
#include "net/client_stream.hpp"

#include "net/use_tuple.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <utility>

namespace msd::net {

namespace {

constexpr std::size_t receive_bytes = std::size_t{16} * 1024;
constexpr std::size_t kept_bytes_max = std::size_t{64} * 1024; // of a buffer's capacity, when empty

tl::unexpected<error> about(const std::string& where, const error& why) {
    return fail(why.code, where + ": " + why.text);
}

} // namespace

client_stream::client_stream(asio::ip::tcp::socket socket)
    : socket_{std::move(socket)},
      peer_{address_of(socket_)},
      queue_{
          socket_,
          [this] {
              close();
          }},
      received_(receive_bytes),
      alive_{std::make_shared<bool>(true)} {}

client_stream::~client_stream() {
    *alive_ = false;
}

asio::awaitable<result<std::unique_ptr<client_stream>>>
client_stream::open(asio::any_io_executor executor, target where, deadline until) {
    auto socket = co_await connect(executor, where.host, where.port, until);
    if (!socket) {
        co_return tl::unexpected{std::move(socket.error())};
    }
    std::unique_ptr<client_stream> made{new client_stream{std::move(*socket)}};
    if (where.trust == nullptr) {
        co_return std::move(made);
    }
    made->tls_ = std::make_unique<tls_session>(
        *where.trust,
        where.tls_name.empty() ? where.host : where.tls_name
    );
    // The timer's handler may still be queued when this function has returned.
    const auto waiting = std::make_shared<bool>(true);
    asio::steady_timer timer{executor, until.at()};
    timer.async_wait([stream = made.get(), alive = made->alive_, waiting](const auto& cancelled) {
        if (!cancelled && *alive && std::exchange(*waiting, false)) {
            stream->close();
        }
    });
    const auto agreed = co_await made->agree();
    const bool in_time = std::exchange(*waiting, false);
    const std::string text = peer_address{where.host, where.port}.text();
    if (!in_time) {
        co_return fail(errc::timeout, "the TLS handshake with " + text + " took too long");
    }
    if (!agreed) {
        co_return about(text, agreed.error());
    }
    co_return std::move(made);
}

asio::awaitable<result<void>> client_stream::agree() {
    for (;;) {
        sealed_.clear();
        const auto done = tls_->handshake(sealed_);
        send_sealed();
        if (!done) {
            // Sends the TLS alert with the reason, if the peer still reads.
            co_await queue_.flushed(deadline::in(milliseconds{100}));
            co_return tl::unexpected{done.error()};
        }
        if (*done) {
            co_return result<void>{};
        }
        const auto received = co_await read_some();
        if (!received) {
            co_return fail(
                errc::malformed,
                "the server closed the connection during the TLS handshake"
            );
        }
        tls_->received(*received);
    }
}

asio::awaitable<result<std::string_view>> client_stream::read_some() {
    for (;;) {
        if (!open_) {
            co_return fail(errc::closed, "connection with " + peer_.text() + " ended");
        }
        const auto [wait_failure] =
            co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, use_tuple);
        if (wait_failure || !open_) {
            close();
            continue;
        }
        asio::error_code failure;
        const std::size_t bytes = socket_.read_some(asio::buffer(received_), failure);
        if (failure == asio::error::would_block) {
            continue;
        }
        if (failure) {
            close();
            continue;
        }
        co_return std::string_view{received_.data(), bytes};
    }
}

asio::awaitable<result<std::string_view>> client_stream::receive() {
    if (!tls_) {
        auto received = co_await read_some();
        co_return received;
    }
    if (opened_.capacity() > kept_bytes_max) {
        opened_.shrink_to_fit();
    }
    for (;;) {
        opened_.clear();
        sealed_.clear();
        auto opened = tls_->open(opened_, sealed_);
        send_sealed();
        if (!opened_.empty()) {
            co_return std::string_view{opened_}; // an error is found again by the next call
        }
        if (!opened) {
            close();
            co_return about(peer_.text(), opened.error());
        }
        auto received = co_await read_some();
        if (!received) {
            co_return received;
        }
        tls_->received(*received);
    }
}

void client_stream::send(std::string_view bytes) {
    if (!open_) {
        return;
    }
    if (!tls_) {
        queue_.append(bytes);
        return;
    }
    unsealed_ += bytes;
    if (std::exchange(seal_posted_, true)) {
        return;
    }
    asio::post(socket_.get_executor(), [this, alive = alive_] {
        if (*alive) {
            seal_queued();
        }
    });
}

void client_stream::seal_queued() {
    seal_posted_ = false;
    if (!open_) {
        return;
    }
    sealed_.clear();
    const auto sealed = tls_->seal(unsealed_, sealed_);
    unsealed_.clear();
    if (unsealed_.capacity() > kept_bytes_max) {
        unsealed_.shrink_to_fit();
    }
    if (!sealed) {
        close();
        return;
    }
    send_sealed();
}

void client_stream::send_sealed() {
    if (open_ && !sealed_.empty()) {
        queue_.append(sealed_);
    }
}

std::size_t client_stream::unsent_bytes() const {
    return queue_.unsent_bytes() + unsealed_.size();
}

bool client_stream::readable() const {
    asio::error_code gone;
    return open_ && socket_.available(gone) > 0;
}

void client_stream::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    asio::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
    unsealed_.clear();
}

} // namespace msd::net
