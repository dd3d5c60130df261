// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/server_stream.hpp"
#include "net/one_shot.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::test {

// A client's request without a connection: a test gives the body piece by piece and looks at what
// the backend sends. Sent bytes count as unsent until the test takes them, when it says so.
class fake_stream final : public http::server_stream {
public:
    fake_stream(std::string method, std::string target) {
        head.method = std::move(method);
        head.target = std::move(target);
        head.path = head.target;
        head.headers.add("Host", "shop.example");
    }

    // What the test sets and does.

    wire::http_request head;
    net::peer_address address{"192.0.2.7", 40'000};
    wire::http_fields request_trailers;
    bool is_slow = false; // sent bytes stay unsent until take()

    /// Another piece of the body; empty: its end.
    void give(std::string piece) {
        pieces_.emplace_back(std::move(piece));
        wake(reader_);
    }
    void give_error(errc code, std::string text) {
        failure_ = error{code, std::move(text)};
        wake(reader_);
    }
    /// The client has reset its connection.
    void abort() {
        open_ = false;
        wake(reader_);
        wake(writer_);
        if (on_abort_) {
            std::exchange(on_abort_, nullptr)();
        }
    }
    /// The client receives what was sent.
    void take() {
        unsent_ = 0;
        wake(writer_);
    }

    // What the test looks at.

    std::vector<int> interims;
    wire::http_fields interim_fields; // of the last one
    int status = 0;
    wire::http_fields fields;
    std::string lines;
    std::optional<std::uint64_t> content_length;
    std::string upgrade;
    bool has_date = false;
    std::string body;
    wire::http_fields reply_trailers;
    std::size_t unsent_most = 0;
    bool is_finished = false;
    bool is_reset = false;
    bool is_reading_stopped = false;

    // server_stream

    [[nodiscard]] const wire::http_request& request() const override { return head; }
    [[nodiscard]] const net::peer_address& peer() const override { return address; }
    asio::awaitable<result<std::string_view>> read_piece() override {
        while (pieces_.empty() && !failure_ && open_ && !is_reading_stopped) {
            reader_.emplace();
            auto woken = co_await reader_->wait();
            reader_.reset();
            if (!woken) {
                co_return tl::unexpected{woken.error()};
            }
        }
        if (is_reading_stopped) {
            co_return fail(errc::cancelled, "reading was stopped");
        }
        if (failure_) {
            co_return tl::unexpected{*failure_};
        }
        if (!open_) {
            co_return fail(errc::closed, "the client closed the connection");
        }
        piece_ = std::move(pieces_.front());
        pieces_.pop_front();
        co_return std::string_view{piece_};
    }
    asio::awaitable<result<std::string>> read_all(std::size_t, net::byte_budget::share*) override {
        co_return fail(errc::internal, "the backend reads pieces");
    }
    void release_request() override {}
    void stop_reading() override {
        is_reading_stopped = true;
        wake(reader_);
    }
    [[nodiscard]] const wire::http_fields& trailers() const override { return request_trailers; }

    void send_interim(int number, const wire::http_fields* with) override {
        interims.push_back(number);
        interim_fields = with == nullptr ? wire::http_fields{} : *with;
        for (const auto& field : interim_fields) {
            count_unsent(field.value.size());
        }
    }
    void send_head(const http::reply_head& reply) override {
        status = reply.status;
        fields = reply.fields == nullptr ? wire::http_fields{} : *reply.fields;
        lines = reply.lines;
        content_length = reply.content_length;
        upgrade = reply.upgrade;
        has_date = reply.has_date;
    }
    [[nodiscard]] bool is_head_sent() const override { return status != 0; }
    void send(std::string_view bytes) override {
        body.append(bytes);
        count_unsent(bytes.size());
    }
    void send(std::shared_ptr<const void> /*owner*/, std::string_view bytes) override {
        send(bytes);
    }
    asio::awaitable<bool> writable(std::size_t unsent_max) override {
        while (open_ && unsent_ > unsent_max) {
            writer_.emplace();
            auto woken = co_await writer_->wait();
            writer_.reset();
            if (!woken) {
                co_return false;
            }
        }
        co_return open_;
    }
    void finish(const wire::http_fields* with) override {
        is_finished = true;
        reply_trailers = with == nullptr ? wire::http_fields{} : *with;
    }
    void reset() override {
        is_reset = true;
        open_ = false;
        wake(reader_);
        wake(writer_);
    }

    [[nodiscard]] bool is_open() const override { return open_; }
    void on_abort(std::function<void()> react) override { on_abort_ = std::move(react); }
    [[nodiscard]] std::uint64_t bytes_in() const override { return 0; }
    [[nodiscard]] std::uint64_t bytes_out() const override { return body.size(); }

private:
    void count_unsent(std::size_t bytes) {
        unsent_ += is_slow ? bytes : 0;
        unsent_most = std::max(unsent_most, unsent_);
    }
    static void wake(std::optional<net::one_shot<bool>>& waiting) {
        if (waiting) {
            waiting->set(true);
        }
    }

    std::deque<std::string> pieces_;
    std::string piece_;
    std::optional<error> failure_;
    std::optional<net::one_shot<bool>> reader_;
    std::optional<net::one_shot<bool>> writer_;
    std::function<void()> on_abort_;
    std::size_t unsent_ = 0;
    bool open_ = true;
};

} // namespace msd::test
