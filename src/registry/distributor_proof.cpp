// SPDX-License-Identifier: Apache-2.0
// How a distributor makes sure that its peers hold the cluster secret, and that they register only
// what they may (docs/protocol.md, 5).
#include "base/binary.hpp"
#include "base/log.hpp"
#include "core/advertised_host.hpp"
#include "registry/distributor.hpp"
#include "registry/distributor_session.hpp"

#include <fmt/format.h>

#include <utility>

namespace msd::registry {

namespace {

constexpr std::string_view no_secret_here =
    "this registry has no cluster secret: set registry.secret_file there";
constexpr milliseconds denied_session_limit{1000}; // to send the reason

} // namespace

// With a secret, every peer but those in registry.foreign_allowed.
bool distributor::has_to_prove(const session& peer) const {
    return settings_.secrets != nullptr &&
           !settings_.foreign_allowed.contains(peer.connection.peer().host);
}

void distributor::await_proof(session& from) {
    from.waiting.emplace(unproven_, [this, &from] {
        const std::string who = from.connection.peer().text();
        refusals_.add("closing " + who + ": it did not prove the cluster secret", clock::now());
        from.connection.close();
    });
}

distributor::verdict distributor::handle_auth(session& from, const json::value& auth) {
    if (!settings_.secrets) {
        return deny(from, std::string{no_secret_here});
    }
    if (!from.proof) {
        from.proof.emplace(settings_.secrets, core::proof_target{true, {}}, random_bytes());
    }
    auto answer = from.proof->receive(auth);
    if (!answer && answer.error().code == errc::refused) {
        const std::string who = from.connection.peer().text();
        refusals_.add(fmt::format("{} refuses: {}", who, answer.error().text), clock::now());
        return verdict::close;
    }
    if (!answer) {
        return deny(from, answer.error().text);
    }
    from.connection.send(*answer);
    if (from.proof->is_proven()) {
        from.waiting.reset();
        registry_.prove(from.id);
        if (from.proof->peer().port == 0) { // a tool: it registers nothing and waits for the list
            registry_.follow(from.id, clock::now());
        }
    }
    return verdict::go_on;
}

// The packet in `packet_` came before the proof. A request is answered in the form that every node
// understands.
distributor::verdict distributor::refuse_unproven(session& from) {
    const std::string text = fmt::format(
        "this registry requires the cluster secret: set registry.secret_file, or list {} in "
        "registry.foreign_allowed of the registry",
        from.connection.peer().host
    );
    if (packet_.kind() != wire::packet_kind::request) {
        return deny(from, text);
    }
    refusals_.add(fmt::format("refused {}: {}", from.connection.peer().text(), text), clock::now());
    wire::reply_fields fields;
    fields.errorcode = 1;
    fields.errormessage = text;
    static_cast<void>(reply(from, packet_.key(), fields));
    return verdict::close;
}

distributor::verdict distributor::deny(session& from, const std::string& text) {
    refusals_.add(fmt::format("refused {}: {}", from.connection.peer().text(), text), clock::now());
    from.connection.compose([&text](std::string& out) {
        wire::append_auth(out, wire::auth_refusal{text});
    });
    return verdict::close;
}

result<void> distributor::check_claim(const session& from, const core::registration& claim) {
    const core::node_id& id = claim.node.id;
    if (settings_.secrets && !from.is_proven() && claim.node.proto >= wire::protocol_version) {
        return fail(
            errc::denied,
            "this registry requires the cluster secret: set registry.secret_file; its "
            "registry.foreign_allowed is for nodes of protocol 1 only"
        );
    }
    if (from.is_proven()) {
        const wire::auth_node& proven = from.proof->peer();
        const bool is_same = proven.name == id.name && proven.port == id.port &&
                             core::plain_host(proven.host) == id.host;
        if (!is_same) {
            return fail(errc::denied, "the registration names another node than the proof");
        }
    }
    const std::string& peer = from.connection.peer().host;
    if (auto usable = core::check_advertised_host(id.host.empty() ? peer : id.host); !usable) {
        return usable;
    }
    return hosts_.check(id.host, peer, from.is_proven(), clock::now());
}

// A connection that the worker before this one has accepted. The secrets may have changed since.
void distributor::resume_proof(session& inherited, std::string_view state) {
    if (!state.empty() && settings_.secrets) {
        inherited.proof.emplace(settings_.secrets, core::proof_target{true, {}}, bytes_32{});
        binary_reader in{state};
        inherited.proof->read(in);
        if (!in.is_complete()) {
            inherited.proof.reset();
        }
    }
    const bool is_valid = inherited.proof && inherited.proof->is_proven_by(*settings_.secrets);
    const bool is_outdated = inherited.is_proven() && !is_valid;
    if (is_valid || inherited.is_ended()) {
        return;
    }
    const bool was_admitted = registry_.is_admitted(inherited.id);
    const bool may_stay =
        !settings_.secrets || (!has_to_prove(inherited) && !registry_.is_msd(inherited.id));
    if (!is_outdated && may_stay) {
        if (!was_admitted) {
            registry_.admit(inherited.id);
        }
        return;
    }
    if (!was_admitted) {
        await_proof(inherited);
        return;
    }
    static_cast<void>(deny(
        inherited,
        is_outdated ? "it proved a cluster secret that is no longer in registry.secret_file"
                    : "registry.secret_file is set now, and this connection has no proof"
    ));
    inherited.ended_until = deadline::in(denied_session_limit);
}

} // namespace msd::registry
