// SPDX-License-Identifier: Apache-2.0
// How a service makes sure that its callers hold the cluster secret (docs/protocol.md, 5).
#include "host/packet_session.hpp"

#include <fmt/format.h>

namespace msd::host {

namespace {

constexpr int forbidden = 403;

} // namespace

// With a secret, every caller but those in registry.foreign_allowed has to prove it.
void packet_session::await_proof() {
    const service_settings& settings = host_.settings();
    const std::string& caller = connection_.peer().host;
    if (!settings.membership.secrets || settings.foreign_allowed.contains(caller)) {
        return;
    }
    waiting_.emplace(host_.unproven(), [this] {
        const std::string who = connection_.peer().text();
        host_.refusals().add(
            "closing " + who + ": it did not prove the cluster secret",
            clock::now()
        );
        connection_.close();
    });
}

// An msd caller at an address for foreign callers: it has to prove the secret all the same.
bool packet_session::is_msd_without_proof() const {
    const bool is_proven = proof_ && proof_->is_proven();
    return packet_.kind() == wire::packet_kind::hello && host_.settings().membership.secrets &&
           !is_proven;
}

bool packet_session::handle_unproven() {
    return packet_.kind() == wire::packet_kind::auth ? handle_auth(*packet_.fields().find("auth"))
                                                     : refuse_unproven();
}

bool packet_session::handle_auth(const json::value& auth) {
    const core::shared_secrets& secrets = host_.settings().membership.secrets;
    if (!secrets) {
        return deny("this service has no cluster secret: set registry.secret_file there");
    }
    if (!proof_) {
        proof_.emplace(secrets, host_.proof_target(), random_bytes());
    }
    const auto answer = proof_->receive(auth);
    if (!answer && answer.error().code == errc::refused) {
        const std::string who = connection_.peer().text();
        host_.refusals().add(fmt::format("{} refuses: {}", who, answer.error().text), clock::now());
        return false;
    }
    if (!answer) {
        return deny(answer.error().text);
    }
    connection_.send(*answer);
    if (proof_->is_proven()) {
        waiting_.reset();
        peer_.is_proven = true;
    }
    return true;
}

// The packet in `packet_` came before the proof. A request is answered in the form that every node
// understands.
bool packet_session::refuse_unproven() {
    const std::string text = fmt::format(
        "this service requires the cluster secret: set registry.secret_file, or list {} in "
        "registry.foreign_allowed of the service",
        connection_.peer().host
    );
    if (packet_.kind() != wire::packet_kind::request) {
        return deny(text);
    }
    const std::string who = connection_.peer().text();
    host_.refusals().add(fmt::format("refused {}: {}", who, text), clock::now());
    refuse(text, forbidden);
    return false;
}

bool packet_session::deny_early() {
    return deny("too many bytes before the proof of the cluster secret");
}

bool packet_session::deny(const std::string& text) {
    const std::string who = connection_.peer().text();
    host_.refusals().add(fmt::format("refused {}: {}", who, text), clock::now());
    connection_.compose([&text](std::string& out) {
        wire::append_auth(out, wire::auth_refusal{text});
    });
    return false;
}

} // namespace msd::host
