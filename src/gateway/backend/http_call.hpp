// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "gateway/backend.hpp"
#include "http/client_connection.hpp"
#include "upstream/injected_faults.hpp"
#include "upstream/programs.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::gateway {

// The life of one request to a web program: enter the service → choose an endpoint and a connection
// → send → reply, or once more at another endpoint (http_call_tries.cpp). A small body is received
// before a connection is taken: a slow client then keeps no connection of the program busy, and the
// request can be repeated. A larger one is sent while it arrives; two coroutines run then, upload()
// and reply(), and run() returns when both have ended. Each of them ends the other one by
// stop_reading() or by closing the connection.
class http_call {
public:
    // A body of at most this length is received first.
    static constexpr std::size_t collected_bytes_max = std::size_t{16} * 1024;
    // Unsent bytes of the reply before more of it is read.
    static constexpr std::size_t unsent_max = std::size_t{32} * 1024;
    // A program that sends neither 100 nor a reply in this time reads the body anyway, or is of
    // HTTP/1.0 and does not know the expectation.
    static constexpr milliseconds continue_limit{1000};
    // A tunnel whose client has ended its direction ends when the program is silent for this long.
    static constexpr milliseconds half_closed_limit{10'000};
    // A longer reply, or one of unknown length, can take as long as its client likes, so it does
    // not count as a request in flight once its head is there.
    static constexpr std::uint64_t counted_bytes_max = unsent_max;
    // Of a reply that is held back, see holds_reply().
    static constexpr std::size_t held_bytes_max = unsent_max;
    // A reply that does not say its length is held back for this long.
    static constexpr milliseconds held_max{50};

    /// `sticky_secret`: see core::resilience::sticky_cookie().
    http_call(
        std::shared_ptr<upstream::program_cluster> cluster,
        const backend_request& request,
        upstream::injected_faults& faults,
        std::string_view sticky_secret
    );
    ~http_call();
    http_call(const http_call&) = delete;
    http_call& operator=(const http_call&) = delete;

    asio::awaitable<std::optional<refusal>> run();

private:
    using event = http::client_connection::event;
    using try_result = core::resilience::try_result;

    [[nodiscard]] const wire::http_request& head() const { return client_.request(); }
    [[nodiscard]] bool is_over() const { return refusal_ || aborted_ || !client_.is_open(); }

    // The tries.
    asio::awaitable<void> enter();
    void choose_endpoint();
    [[nodiscard]] bool take_idle();
    asio::awaitable<void> connect();
    void note_try(try_result result);
    void start_try_limit();
    [[nodiscard]] bool retries(try_result result);
    asio::awaitable<void> pause();
    void conclude();
    void refuse_entry(const upstream::service_guard::refusal& why);
    void refuse_without_endpoint();

    // Injected faults (http_call_faults.cpp).
    asio::awaitable<bool> apply(upstream::try_fault fault);
    asio::awaitable<bool> wait_for_fault(milliseconds time);
    void answer_injected(int status);
    void break_injected();

    // The connection.
    void give_back();
    void abort();
    void restart_budget();

    // The request.
    asio::awaitable<void> collect_body();
    void send_request();
    void count_try(time_point now);
    void limit_reply(time_point now);
    asio::awaitable<void> upload();
    asio::awaitable<void> upload_pieces();
    void send_piece(std::string_view piece);
    void send_body_end();
    [[nodiscard]] bool is_body_too_large(std::size_t more);
    void refuse_body(const error& why);
    void refuse_connect(const error& why);

    // The reply.
    asio::awaitable<void> reply();
    asio::awaitable<bool> receive();
    [[nodiscard]] deadline reply_deadline() const;
    [[nodiscard]] bool waits_on();
    void on_silence(const error& why);
    [[nodiscard]] bool holds_reply() const;
    void hold();
    void end_hold();
    void send_interim();
    void send_head(time_point arrived);
    void send_body();
    void finish();
    void break_off(std::string_view why, const char* cut);
    [[nodiscard]] bool may_repeat_stale() const;
    [[nodiscard]] bool leaves_reply();
    void leave_connection();
    void note_head(const wire::http_response& reply, time_point now);
    asio::awaitable<void> tunnel();
    asio::awaitable<void> tunnel_upward();
    asio::awaitable<void> tunnel_downward();
    asio::awaitable<bool> receive_in_tunnel();

    void refuse(int status, std::string detail);
    void cut(const char* why);

    void keep_client_here();

    std::shared_ptr<upstream::program_cluster> cluster_;
    upstream::injected_faults& faults_;
    std::string_view sticky_secret_;
    const backend_request& request_;
    http::server_stream& client_;
    const core::upstream_program_settings& settings_;
    std::shared_ptr<upstream::program_endpoint> endpoint_;
    std::unique_ptr<http::client_connection> connection_;
    std::vector<std::uint32_t> tried_; // indexes of endpoints
    upstream::service_guard::entry entry_;
    upstream::service_guard::permit permit_;
    upstream::endpoint_try try_;
    std::uint64_t balance_key_ = 0;
    std::string lines_; // of the reply, when they are not those of the request
    std::string body_;  // when it is received first
    std::string held_;  // the body of a reply that is held back, as far as it is here
    std::string_view sent_host_;
    std::optional<refusal> refusal_;
    milliseconds budget_; // the whole time that the request had for the head of the reply
    deadline until_;      // for the head of the reply; later when the client took time for a body
    time_point last_activity_ = time_point::min(); // of the client, while it sends
    std::size_t body_bytes_ = 0;
    int tries_ = 0;
    bool streams_body_ = false;
    bool upgrades_ = false;
    bool waits_for_continue_ = false;
    bool was_delayed_ = false; // by an injected fault: the try is counted, and its limits run
    bool is_fresh_ = false;    // the connection has served no request before
    bool takes_fresh_only_ = false;
    bool repeats_ = false;        // the request is to be sent once more
    bool is_repeated_ = false;    // it was sent again because a kept connection had ended
    bool is_repeatable_ = false;  // the method, or what the service says of repeated requests
    bool is_try_limited_ = false; // head_until_ is the limit of the try, not of the request
    bool may_hold_ = false;       // if the reply breaks off, the request can go elsewhere
    bool is_held_ = false;        // the head of the reply is here, and the client has not got it
    bool uploads_ = false;        // the body is not sent to its end
    bool is_uploading_ = false;   // upload() runs
    bool in_tunnel_ = false;
    bool client_ended_ = false; // its direction of the tunnel
    bool is_complete_ = false;  // the reply was sent to its end
    bool aborted_ = false;      // the client's connection ended
    deadline head_until_ = deadline::never();
    deadline request_head_until_ = deadline::never(); // without the limit of the try
    deadline held_until_ = deadline::never();
    time_point try_limit_ = time_point::max(); // a silent endpoint is late then
    milliseconds pause_{0};                    // before the next try
    try_result last_ = try_result::cancelled;  // of the last try
};

} // namespace msd::gateway
