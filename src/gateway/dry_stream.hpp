// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/server_stream.hpp"

#include <memory>
#include <string>
#include <utility>

namespace msd::gateway {

// A request that nobody has sent, for the steps of an exchange that only look at the request. It
// has no body, and whatever is sent to it is dropped.
class dry_stream final : public http::server_stream {
public:
    /// `head` outlives this.
    dry_stream(const wire::http_request& head, std::string client)
        : head_{head},
          peer_{std::move(client), 0} {}

    [[nodiscard]] const wire::http_request& request() const override { return head_; }
    void release_request() override {}
    [[nodiscard]] const net::peer_address& peer() const override { return peer_; }
    asio::awaitable<result<std::string_view>> read_piece() override {
        co_return std::string_view{};
    }
    asio::awaitable<result<std::string>>
    read_all(std::size_t /*bytes_max*/, net::byte_budget::share* /*memory*/) override {
        co_return std::string{};
    }
    void stop_reading() override {}
    [[nodiscard]] const wire::http_fields& trailers() const override { return head_.headers; }
    void send_interim(int /*status*/, const wire::http_fields* /*fields*/) override {}
    void send_head(const http::reply_head& /*head*/) override {}
    [[nodiscard]] bool is_head_sent() const override { return false; }
    void send(std::string_view /*bytes*/) override {}
    void send(std::shared_ptr<const void> /*owner*/, std::string_view /*bytes*/) override {}
    asio::awaitable<bool> writable(std::size_t /*unsent_max*/) override { co_return true; }
    void finish(const wire::http_fields* /*trailers*/) override {}
    void reset() override {}
    [[nodiscard]] bool is_open() const override { return true; }
    void on_abort(std::function<void()> /*react*/) override {}
    [[nodiscard]] std::uint64_t bytes_in() const override { return 0; }
    [[nodiscard]] std::uint64_t bytes_out() const override { return 0; }

private:
    const wire::http_request& head_;
    net::peer_address peer_;
};

} // namespace msd::gateway
