// SPDX-License-Identifier: Apache-2.0
// How a connection begins: the proof of the cluster secret, where there is one, and the hello.
#include "base/log.hpp"
#include "upstream/upstream_connection.hpp"

#include <utility>
#include <variant>

namespace msd::upstream {

asio::awaitable<bool>
upstream_connection::greet(const caller_identity* self, core::node_id whom, deadline until) {
    self_ = self;
    guard_.set(until);
    if (settings_.secrets) {
        wire::auth_opening opening;
        opening.challenge = random_bytes();
        opening.from = {self->name, {}, self->port};
        opening.to = {std::move(whom.name), std::move(whom.host), whom.port};
        proof_.emplace(settings_.secrets, std::move(opening));
        connection_.send(proof_->opening_frame());
    } else {
        send_hello();
    }
    const auto answered = co_await greeting_.wait();
    co_return answered.has_value() && *answered;
}

void upstream_connection::send_hello() {
    const wire::caller_hello hello{self_->name, self_->worker, self_->on_change != nullptr, true};
    connection_.compose([&hello](std::string& out) { wire::append_hello(out, hello); });
    hello_sent_ = true;
}

// A peer that has not proven the secret can do nothing but prove it.
void upstream_connection::handle_unproven(std::string_view frame) {
    if (!proof_failure_.empty()) {
        return; // the reason is still being sent
    }
    if (!packet_.parse(frame) || packet_.kind() != wire::packet_kind::auth) {
        fail_proof("it does not prove the cluster secret: set registry.secret_file there");
        return;
    }
    const auto confirmation = proof_->receive(*packet_.fields().find("auth"));
    if (!confirmation && confirmation.error().code == errc::refused) {
        refused(confirmation.error().text);
        return;
    }
    if (!confirmation) {
        fail_proof(confirmation.error().text);
        return;
    }
    connection_.send(*confirmation);
    send_hello();
}

// A node that requires the secret refuses callers without one.
void upstream_connection::note_refusal(const json::value& auth) {
    const auto read = wire::read_auth(auth);
    const auto* const refusal = read ? std::get_if<wire::auth_refusal>(&*read) : nullptr;
    if (refusal != nullptr) {
        refused(refusal->why);
    }
}

void upstream_connection::refused(const std::string& why) {
    proof_failure_ = "it refuses this node: " + why;
    connection_.close();
}

// Sends the peer the reason, so that both logs have it.
void upstream_connection::fail_proof(std::string why) {
    proof_failure_ = std::move(why);
    connection_.compose([this](std::string& out) {
        wire::append_auth(out, wire::auth_refusal{proof_failure_});
    });
    close_when_flushed();
}

} // namespace msd::upstream
