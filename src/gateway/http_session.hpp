// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/gateway_worker.hpp"
#include "gateway/http_checks.hpp"
#include "http/server_connection.hpp"
#include "upstream/upstreams.hpp"
#include "wire/http_response.hpp"

#include <asio/awaitable.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace msd::gateway {

// The life of the requests of one client connection: head → route → body → params → call → reply.
// The order of the checks is part of the contract: route (404, 405), origin (403), length (413),
// media type and coding (415), then the content (400).
class http_session {
public:
    http_session(gateway_worker& owner, http::server_connection& connection)
        : gateway_{owner},
          connection_{connection} {}

    /// Answers requests until the connection ends.
    asio::awaitable<void> run();

private:
    // How to handle a request, known from its head.
    struct plan {
        core::route_table::match match;
        std::string request_id;
        bool head_only = false; // HEAD: the reply without its body
        bool keep_alive = true;
        int minor_version = 1;
        std::string extra; // further header lines of the reply
    };

    asio::awaitable<bool> answer_request();
    [[nodiscard]] bool refuse_by_head(plan& request);
    asio::awaitable<bool> forward(plan request);
    [[nodiscard]] bool accept(
        const plan& request,
        const head_fields& fields,
        const result<std::string>& params,
        net::byte_budget::share& memory
    );
    [[nodiscard]] static bool is_log(const plan& request);
    [[nodiscard]] std::size_t body_bytes_max() const;
    asio::awaitable<void> call(plan* request, upstream::outgoing packet);
    void post(plan& request, const upstream::outgoing& packet);
    asio::awaitable<bool> refuse_body(plan request, error why);
    asio::awaitable<bool> finish(bool keep_alive);
    asio::awaitable<void> answer_broken();
    void reply(const plan& request, const upstream::upstreams::attempt& made);
    void reply_failure(const plan& request, const upstream::upstreams::attempt& made);
    void reply_text(const plan& request, int status, std::string_view type, std::string_view body);
    void reply_options(const plan& request, std::string_view allow);
    void refuse(const plan& request, const refusal& why);
    [[nodiscard]] wire::http_response_head head_for(const plan& request);

    gateway_worker& gateway_;
    http::server_connection& connection_;
};

} // namespace msd::gateway
