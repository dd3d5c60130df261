// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: one kind of connection, and the few queries that use it.
#include "app/registry_query.hpp"

#include "core/registration.hpp"
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
#include <variant>

namespace msd::app {

namespace {

constexpr std::size_t answer_bytes_max = 16u << 20;
constexpr std::uint64_t request_key = 1;
constexpr std::uint64_t key_of_one_way = 0;
// Time limit for the peer to close the connection after the last request.
constexpr milliseconds flush_limit{1000};
// A registry that requires the secret sends no list. After this time it is sent a ping, which it
// refuses with the reason.
constexpr milliseconds silence_limit{500};
constexpr std::string_view tool_name = "tool";
constexpr std::string_view no_proof =
    "it does not prove the cluster secret: set registry.secret_file there";
constexpr milliseconds contradictions_limit{500};

// One connection, from connecting to the reply, on an event loop of its own.
class conversation {
public:
    /// Examines one packet; true when it is the expected one.
    using listener = std::function<bool(std::string_view frame, const wire::packet&)>;

    conversation(std::string host, std::uint16_t port, deadline until)
        : host_{std::move(host)},
          port_{port},
          until_{until} {}

    /// The peer proves a secret before anything else is sent.
    void prove_first(const core::shared_secrets& secrets, const core::node_id* to) {
        wire::auth_opening opening;
        opening.challenge = random_bytes();
        opening.from.name = tool_name;
        opening.to_registry = to == nullptr;
        if (to != nullptr) {
            opening.to = {to->name, to->host, to->port};
        }
        proof_.emplace(secrets, std::move(opening));
    }

    /// Sends a ping when the peer has sent nothing for a while.
    void ping_after_silence() { ping_at_ = deadline::in(silence_limit); }

    /// `opening`: frames to send first; may be empty.
    result<void> run(std::string opening, listener listen) {
        opening_ = std::move(opening);
        listen_ = std::move(listen);
        converse();
        if (!outcome_) {
            end_exchange();
            const bool is_unproven = proof_ && !proof_->is_proven();
            return is_unproven ? failed(errc::denied, no_proof)
                               : failed(errc::timeout, "no answer in time");
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
            const bool is_idle = loop_.run_one_until(until_.sooner(ping_at_).at()) == 0;
            if (is_idle && loop_.stopped()) {
                break;
            }
            if (ping_at_.passed()) {
                ping_at_ = deadline::never();
                send_ping();
            }
        }
    }

    void send_ping() {
        if (connection_) {
            wire::request_fields ping;
            ping.method = "GET";
            ping.uri = "/ping";
            connection_->compose([&ping](std::string& out) {
                wire::append_request(out, ping, request_key);
            });
        }
    }

    // Returns once the peer has proven the secret and was sent this side's proof.
    asio::awaitable<result<void>> prove() {
        net::packet_connection& connection = *connection_;
        connection.send(proof_->opening_frame());
        for (;;) {
            const auto received = co_await connection.receive();
            if (!received) {
                co_return failed(errc::denied, no_proof);
            }
            for (auto next = connection.next();
                 next.state != wire::frame_reader::status::incomplete;
                 next = connection.next()) {
                if (next.state == wire::frame_reader::status::too_large) {
                    co_return failed(errc::too_large, "the answer is too large");
                }
                const auto confirmation = confirmation_of(next.packet);
                if (!confirmation) {
                    co_return failed(errc::denied, confirmation.error().text);
                }
                if (!confirmation->empty()) {
                    connection.send(*confirmation);
                    co_return result<void>{};
                }
            }
        }
    }

    // Empty for other packets: a registry sends the list at accept to addresses from which it
    // allows nodes of protocol 1.
    result<std::string> confirmation_of(std::string_view frame) {
        wire::packet packet;
        if (frame.size() > wire::auth_bytes_max || !packet.parse(frame) ||
            packet.kind() != wire::packet_kind::auth) {
            return std::string{};
        }
        return proof_->receive(*packet.fields().find("auth"));
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
        if (proof_) {
            auto proven = co_await prove();
            if (!proven) {
                co_return proven;
            }
        }
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
            ping_at_ = deadline::never();
            if (packet.kind() == wire::packet_kind::auth) {
                return failed(errc::denied, refusal_in(*packet.fields().find("auth")));
            }
            if (listen_(frame, packet)) {
                return true;
            }
        }
    }

    [[nodiscard]] static std::string refusal_in(const json::value& auth) {
        const auto read = wire::read_auth(auth);
        const auto* const refusal = read ? std::get_if<wire::auth_refusal>(&*read) : nullptr;
        return refusal == nullptr ? "it asks for a proof of the cluster secret" : refusal->why;
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
    std::optional<core::proof_initiator> proof_;
    deadline ping_at_ = deadline::never();
    bool is_one_way_ = false;
    bool sent_ = false;
    asio::io_context loop_{1};
    net::watchdog dog_{loop_.get_executor()};
    std::optional<net::packet_connection> connection_;
    std::optional<result<void>> outcome_;
};

// Why a registry refuses a ping; empty: it does not.
std::string refusal_of(const wire::packet& reply) {
    const json::value* const code = reply.fields().find("errorcode");
    const json::value* const why = reply.fields().find("errormessage");
    const bool refused = code != nullptr && code->as_int64().value_or(0) != 0;
    return refused && why != nullptr ? why->as_string().value_or("") : std::string{};
}

bool has_to_prove(const request_target& to) {
    return to.secrets && to.node.proto >= wire::protocol_version;
}

// The reply of an msd distributor; anything else contains none.
contradictions read_contradictions(const wire::packet& reply) {
    contradictions all;
    const json::value* const list = reply.fields().find("contradictions");
    const auto nodes = json::elements(list == nullptr ? "[]" : list->text);
    if (!nodes) {
        return all;
    }
    for (const json::value& node : *nodes) {
        json::object fields;
        const auto id = core::read_identity(node.text);
        const bool is_object = fields.parse(node.text).has_value();
        const json::value* const by = is_object ? fields.find("by") : nullptr;
        const auto peers = json::elements(by == nullptr ? "[]" : by->text);
        if (!id || !peers) {
            continue;
        }
        for (const json::value& each : *peers) {
            json::object other;
            if (!other.parse(each.text)) {
                continue;
            }
            const json::value* const peer = other.find("peer");
            const json::value* const routes = other.find("routes");
            if (peer != nullptr && routes != nullptr) {
                all[*id].push_back({peer->as_string().value_or(""), routes->as_uint64().value_or(0)}
                );
            }
        }
    }
    return all;
}

} // namespace

contradictions fetch_contradictions(
    const std::string& host,
    std::uint16_t port,
    const core::shared_secrets& secrets,
    deadline until
) {
    wire::request_fields fields;
    fields.method = "GET";
    fields.uri = core::contradictions_uri;
    std::string opening;
    wire::append_request(opening, fields, request_key);
    contradictions all;
    conversation::listener listen = [&all](std::string_view, const wire::packet& packet) {
        const bool is_reply = packet.kind() == wire::packet_kind::reply;
        if (is_reply) {
            all = read_contradictions(packet);
        }
        return is_reply;
    };
    conversation exchange{host, port, until.sooner(deadline::in(contradictions_limit))};
    if (secrets) {
        exchange.prove_first(secrets, nullptr);
    }
    const bool is_answered = exchange.run(std::move(opening), std::move(listen)).has_value();
    return is_answered ? all : contradictions{};
}

result<std::vector<core::node_info>> fetch_nodes(
    const std::string& host,
    std::uint16_t port,
    const core::shared_secrets& secrets,
    deadline until
) {
    core::topology known;
    std::string refusal;
    conversation::listener listen = [&](std::string_view, const wire::packet& packet) {
        if (packet.kind() == wire::packet_kind::reply) {
            refusal = refusal_of(packet);
            return !refusal.empty();
        }
        const auto outcome = known.apply(packet);
        return outcome && *outcome != core::topology::outcome::ignored &&
               *outcome != core::topology::outcome::incomplete;
    };
    conversation exchange{host, port, until};
    if (secrets) {
        exchange.prove_first(secrets, nullptr);
    } else {
        exchange.ping_after_silence();
    }
    if (auto done = exchange.run({}, std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    if (!refusal.empty()) {
        const std::string where = process::endpoint_text(host, port);
        return fail(errc::denied, fmt::format("{}: {}", where, refusal));
    }
    std::vector<core::node_info> nodes = known.nodes();
    // A snapshot also has nodes that are lost and may return.
    std::erase_if(nodes, [](const core::node_info& each) { return each.critical; });
    return nodes;
}

result<std::string>
send_to_node(const request_target& to, const packet_request& request, deadline until) {
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
    conversation exchange{to.node.id.host, to.node.id.port, until};
    if (has_to_prove(to)) {
        exchange.prove_first(to.secrets, &to.node.id);
    }
    if (auto done = exchange.send(std::move(opening), std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return refusal;
}

result<std::string>
ask_node(const request_target& to, const packet_request& request, deadline until) {
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
    conversation exchange{to.node.id.host, to.node.id.port, until};
    if (has_to_prove(to)) {
        exchange.prove_first(to.secrets, &to.node.id);
    }
    if (auto done = exchange.run(std::move(opening), std::move(listen)); !done) {
        return tl::unexpected{std::move(done.error())};
    }
    return reply;
}

} // namespace msd::app
