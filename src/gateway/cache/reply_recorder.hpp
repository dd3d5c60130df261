// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/cache/reply_store.hpp"
#include "http/server_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace msd::gateway {

// The stream of a client, which keeps a copy of the reply that passes: backends need not know of
// it. A reply is kept when it is complete and HTTP allows a shared cache to store it and to use it
// when it is stale (RFC 9111): status 200, no Set-Cookie, no Vary but for Accept-Encoding, and none
// of no-store, private, no-cache, must-revalidate, proxy-revalidate and s-maxage.
class reply_recorder final : public http::server_stream {
public:
    /// Both outlive this.
    reply_recorder(http::server_stream& client, reply_store& store)
        : client_{client},
          store_{store} {}
    ~reply_recorder() override { stop_recording(); }

    /// The reply to this request is to be kept under `key`. Before its head.
    void record(std::string key) { key_ = std::move(key); }
    /// What is sent from now on is not the reply of the service.
    void stop_recording();

    [[nodiscard]] const wire::http_request& request() const override { return client_.request(); }
    void release_request() override { client_.release_request(); }
    [[nodiscard]] const net::peer_address& peer() const override { return client_.peer(); }
    asio::awaitable<result<std::string_view>> read_piece() override { return client_.read_piece(); }
    asio::awaitable<result<std::string>>
    read_all(std::size_t bytes_max, net::byte_budget::share* memory) override {
        return client_.read_all(bytes_max, memory);
    }
    void stop_reading() override { client_.stop_reading(); }
    [[nodiscard]] const wire::http_fields& trailers() const override { return client_.trailers(); }
    void send_interim(int status, const wire::http_fields* fields) override {
        client_.send_interim(status, fields);
    }
    void send_head(const http::reply_head& head) override;
    [[nodiscard]] bool is_head_sent() const override { return client_.is_head_sent(); }
    void send(std::string_view bytes) override;
    void send(std::shared_ptr<const void> owner, std::string_view bytes) override;
    asio::awaitable<bool> writable(std::size_t unsent_max) override {
        return client_.writable(unsent_max);
    }
    void finish(const wire::http_fields* trailers) override;
    void reset() override;
    [[nodiscard]] bool is_open() const override { return client_.is_open(); }
    void on_abort(std::function<void()> react) override { client_.on_abort(std::move(react)); }
    [[nodiscard]] std::uint64_t bytes_in() const override { return client_.bytes_in(); }
    [[nodiscard]] std::uint64_t bytes_out() const override { return client_.bytes_out(); }

private:
    void add(std::string_view bytes);

    http::server_stream& client_;
    reply_store& store_;
    std::string key_; // empty: nothing is recorded
    std::unique_ptr<kept_reply> reply_;
    std::optional<std::uint64_t> content_length_;
};

} // namespace msd::gateway
