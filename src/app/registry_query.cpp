// SPDX-License-Identifier: Apache-2.0
#include "app/registry_query.hpp"

#include "core/topology.hpp"
#include "net/connect.hpp"
#include "net/packet_connection.hpp"
#include "net/watchdog.hpp"
#include "process/listen_set.hpp"
#include "wire/request_size.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <fmt/format.h>

#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace msd::app {

namespace {

constexpr std::size_t answer_bytes_max = 16u << 20;
constexpr std::uint64_t request_key = 1;
constexpr std::uint64_t key_of_one_way = 0;
// Time limit for the peer to close the connection after the last request.
constexpr milliseconds flush_limit{1000};

// One connection, from connecting to the reply, on an event loop of its own.
class conversation {
public:
    /// Examines one packet; true when it is the expected one.
    using listener = std::function<bool(std::string_view frame, const wire::packet&)>;

    conversation(std::string host, std::uint16_t port, deadline until)
        : host_{std::move(host)},
          port_{port},
          until_{until} {}

    /// `opening`: frames to send first; may be empty.
    result<void> run(std::string opening, listener listen) {
        opening_ = std::move(opening);
        listen_ = std::move(listen);
        converse();
        if (!outcome_) {
            end_exchange();
            return failed(errc::timeout, "no answer in time");
        }
        return std::move(*outcome_);
    }

    /// The same when no reply is expected: succeeds when `opening` is sent, and the peer has closed
    /// the connection or the time limit for that has passed.
    result<void> send(std::string opening, listener listen) {
        opening_ = std::move(opening);
        listen_ = std::move(listen);
        is_one_way_ = true;
        converse();
        if (!outcome_) {
            end_exchange();
        }
        if (sent_ && (!outcome_ || !*outcome_)) {
            return {};
        }
        return outcome_ ? std::move(*outcome_) : failed(errc::timeout, "not sent in time");
    }

private:
    void converse() {
        asio::co_spawn(
            loop_,
            exchange(),
            [this](const std::exception_ptr& broken, result<void> outcome) {
                outcome_ =
                    broken
                        ? fail(errc::internal, "internal error: the query ended with an exception")
                        : std::move(outcome);
            }
        );
        while (!outcome_ && !until_.passed()) {
            if (loop_.run_one_until(until_.at()) == 0) {
                break;
            }
        }
    }

    asio::awaitable<result<void>> exchange() {
        auto executor = loop_.get_executor();
        auto socket = co_await net::connect(executor, host_, port_, until_);
        if (!socket) {
            co_return failed(socket.error().code, socket.error().text);
        }
        const net::packet_connection_settings settings{answer_bytes_max};
        connection_.emplace(std::move(*socket), dog_, settings);
        net::packet_connection& connection = *connection_;
        connection.send(opening_);
        if (is_one_way_) {
            sent_ = co_await connection.flushed(until_);
            connection.finish_sending();
            until_ = until_.sooner(deadline::in(flush_limit));
        }
        for (;;) {
            const auto received = co_await connection.receive();
            if (!received) {
                co_return failed(received.error().code, "the connection ended without an answer");
            }
            const result<bool> done = receive(connection);
            if (!done) {
                co_return tl::unexpected{done.error()};
            }
            if (*done) {
                co_return result<void>{};
            }
        }
    }

    result<bool> receive(net::packet_connection& connection) {
        for (;;) {
            const auto [state, frame] = connection.next();
            if (state == wire::frame_reader::status::too_large) {
                return failed(errc::too_large, "the answer is too large");
            }
            if (state == wire::frame_reader::status::incomplete) {
                return false;
            }
            wire::packet packet;
            if (!packet.parse(frame, wire::list_bounds)) {
                return failed(errc::malformed, "the answer is not a JSON object");
            }
            if (listen_(frame, packet)) {
                return true;
            }
        }
    }

    // The connection has to outlive the coroutine that waits on it.
    void end_exchange() {
        if (connection_) {
            connection_->close();
        }
        loop_.restart();
        loop_.poll();
    }

    [[nodiscard]] tl::unexpected<error> failed(errc code, std::string_view why) const {
        return fail(code, fmt::format("{}: {}", process::endpoint_text(host_, port_), why));
    }

    std::string host_;
    std::uint16_t port_;
    deadline until_;
    std::string opening_;
    listener listen_;
    bool is_one_way_ = false;
    bool sent_ = false;
    asio::io_context loop_{1};
    net::watchdog dog_{loop_.get_executor()};
    std::optional<net::packet_connection> connection_;
    std::optional<result<void>> outcome_;
};

} // namespace

result<std::vector<core::node_info>>
fetch_nodes(const std::string& host, std::uint16_t port, deadline until) {
    core::topology known;
    conversation::listener listen = [&known](std::string_view, const wire::packet& packet) {
        const auto outcome = known.apply(packet);
        return outcome && *outcome != core::topology::outcome::ignored &&
               *outcome != core::topology::outcome::incomplete;
    };
    conversation exchange{host, port, until};
    if (auto done = exchange.run({}, std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return known.nodes();
}

result<std::string>
send_to_node(const core::node_info& node, const packet_request& request, deadline until) {
    wire::request_fields fields;
    fields.method = request.method;
    fields.uri = request.uri;
    fields.params = request.params;
    std::string opening;
    wire::append_request(opening, fields, key_of_one_way);
    std::string refusal;
    conversation::listener listen = [&refusal](std::string_view frame, const wire::packet& packet) {
        refusal = packet.kind() == wire::packet_kind::reply ? frame : std::string_view{};
        return !refusal.empty();
    };
    conversation exchange{node.id.host, node.id.port, until};
    if (auto done = exchange.send(std::move(opening), std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return refusal;
}

result<std::string>
ask_node(const core::node_info& node, const packet_request& request, deadline until) {
    wire::request_fields fields;
    fields.method = request.method;
    fields.uri = request.uri;
    fields.params = request.params;
    // The format of foreign nodes, which msd nodes read as well.
    std::string opening;
    wire::append_foreign_request(opening, fields, request_key);
    std::string reply;
    // A foreign reply may have `uri` and `method`, so only the key identifies the reply.
    conversation::listener listen = [&reply](std::string_view frame, const wire::packet& packet) {
        const json::value* const key = packet.fields().find("key");
        const bool is_reply = key != nullptr && wire::correlation_key(*key) == request_key;
        reply = is_reply ? frame : std::string_view{};
        return is_reply;
    };
    conversation exchange{node.id.host, node.id.port, until};
    if (auto done = exchange.run(std::move(opening), std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return reply;
}

} // namespace msd::app
