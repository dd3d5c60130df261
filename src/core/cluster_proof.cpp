// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_proof.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace msd::core {

namespace {

constexpr std::string_view out_of_turn = "an auth packet came out of turn";
constexpr std::size_t text_bytes_max = 255;

void append_line(std::string& out, std::string_view line) {
    out += line;
    out += '\n';
}

void append_node(std::string& out, const wire::auth_node& node) {
    append_line(out, node.name);
    append_line(out, node.host);
    append_line(out, std::to_string(node.port));
}

template <class Packet>
std::string frame_of(const Packet& packet) {
    std::string frame;
    wire::append_auth(frame, packet);
    return frame;
}

std::string wrong_version(int version) {
    return "the proof has version " + std::to_string(version) + ", not " +
           std::to_string(wire::auth_version);
}

std::string text_of(const wire::auth_node& node) {
    return node.name + " at " + node.host + ":" + std::to_string(node.port);
}

bytes_32 read_bytes_32(binary_reader& in) {
    const std::string_view text = in.text(hmac_bytes);
    bytes_32 bytes{};
    if (text.size() != bytes.size()) {
        in.refuse();
        return bytes;
    }
    std::copy(text.begin(), text.end(), bytes.begin());
    return bytes;
}

std::string_view as_text(const bytes_32& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_node(binary_writer& out, const wire::auth_node& node) {
    out.text(node.name).text(node.host).number(node.port);
}

void read_node(binary_reader& in, wire::auth_node& into) {
    into.name = in.text(text_bytes_max);
    into.host = in.text(text_bytes_max);
    into.port = static_cast<std::uint16_t>(in.number(std::numeric_limits<std::uint16_t>::max()));
}

} // namespace

std::string
proven_text(proof_side side, const wire::auth_opening& opening, const bytes_32& answered) {
    std::string text;
    append_line(text, "msd proof " + std::to_string(opening.version));
    append_line(text, side == proof_side::initiator ? "initiator" : "responder");
    append_line(text, hex_of(opening.challenge));
    append_line(text, hex_of(answered));
    append_node(text, opening.from);
    append_line(text, opening.to_registry ? "registry" : "node");
    append_node(text, opening.to);
    return text;
}

proof_initiator::proof_initiator(shared_secrets secrets, wire::auth_opening opening)
    : secrets_{std::move(secrets)},
      opening_{std::move(opening)} {}

std::string proof_initiator::opening_frame() const {
    return frame_of(opening_);
}

result<std::string> proof_initiator::receive(const json::value& auth) {
    const auto read = wire::read_auth(auth);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    if (const auto* const refusal = std::get_if<wire::auth_refusal>(&*read)) {
        return fail(errc::refused, refusal->why);
    }
    const auto* const answer = std::get_if<wire::auth_answer>(&*read);
    if (answer == nullptr || std::exchange(ended_, true)) {
        return fail(errc::malformed, std::string{out_of_turn});
    }
    if (answer->version != opening_.version) {
        return fail(errc::denied, wrong_version(answer->version));
    }
    const std::string theirs = proven_text(proof_side::responder, opening_, answer->challenge);
    const std::string* common = nullptr;
    for (const std::string& secret : secrets_->all()) {
        const bytes_32 expected = hmac_sha256(secret, theirs);
        for (const bytes_32& proof : answer->proofs) {
            const bool is_equal = is_equal_in_constant_time(expected, proof);
            common = is_equal && common == nullptr ? &secret : common;
        }
    }
    if (common == nullptr) {
        return fail(errc::denied, "it does not hold the cluster secret of this node");
    }
    proven_ = true;
    const std::string own = proven_text(proof_side::initiator, opening_, answer->challenge);
    return frame_of(wire::auth_confirmation{hmac_sha256(*common, own)});
}

proof_responder::proof_responder(shared_secrets secrets, proof_target self, bytes_32 challenge)
    : secrets_{std::move(secrets)},
      self_{std::move(self)},
      challenge_{challenge} {}

result<std::string> proof_responder::receive(const json::value& auth) {
    const stage before = std::exchange(stage_, stage::refused);
    const auto read = wire::read_auth(auth);
    if (!read) {
        return tl::unexpected{read.error()};
    }
    if (const auto* const refusal = std::get_if<wire::auth_refusal>(&*read)) {
        return fail(errc::refused, refusal->why);
    }
    if (const auto* const opening = std::get_if<wire::auth_opening>(&*read);
        opening != nullptr && before == stage::opening) {
        return answer(*opening);
    }
    if (const auto* const packet = std::get_if<wire::auth_confirmation>(&*read);
        packet != nullptr && before == stage::confirmation) {
        return confirm(*packet);
    }
    return fail(errc::malformed, std::string{out_of_turn});
}

bool proof_responder::is_addressed(const wire::auth_opening& opening) const {
    if (self_.is_registry || opening.to_registry) {
        return self_.is_registry == opening.to_registry;
    }
    const bool same_host = self_.node.host.empty() || self_.node.host == opening.to.host;
    return same_host && self_.node.name == opening.to.name && self_.node.port == opening.to.port;
}

result<std::string> proof_responder::answer(const wire::auth_opening& opening) {
    if (opening.version != wire::auth_version) {
        return fail(errc::denied, wrong_version(opening.version));
    }
    if (!is_addressed(opening)) {
        return fail(
            errc::denied,
            "the proof is meant for " +
                (opening.to_registry ? std::string{"a registry"} : text_of(opening.to)) +
                ", and this is " +
                (self_.is_registry ? std::string{"a registry"} : text_of(self_.node))
        );
    }
    opening_ = opening;
    stage_ = stage::confirmation;
    const std::string own = proven_text(proof_side::responder, opening_, challenge_);
    wire::auth_answer reply{wire::auth_version, challenge_, {}};
    for (const std::string& secret : secrets_->all()) {
        reply.proofs.push_back(hmac_sha256(secret, own));
    }
    return frame_of(reply);
}

result<std::string> proof_responder::confirm(const wire::auth_confirmation& packet) {
    const std::string theirs = proven_text(proof_side::initiator, opening_, challenge_);
    for (const std::string& secret : secrets_->all()) {
        if (is_equal_in_constant_time(hmac_sha256(secret, theirs), packet.proof)) {
            stage_ = stage::proven;
            proven_id_ = cluster_secrets::id_of(secret);
        }
    }
    if (stage_ != stage::proven) {
        return fail(errc::denied, "it does not hold the cluster secret of this node");
    }
    return std::string{};
}

bool proof_responder::is_proven_by(const cluster_secrets& secrets) const {
    return stage_ == stage::proven && secrets.has(proven_id_);
}

void proof_responder::write(binary_writer& out) const {
    out.number(static_cast<std::uint64_t>(stage_)).text(as_text(challenge_));
    out.number(static_cast<std::uint64_t>(opening_.version)).text(as_text(opening_.challenge));
    write_node(out, opening_.from);
    out.flag(opening_.to_registry);
    write_node(out, opening_.to);
    out.text(as_text(proven_id_));
}

void proof_responder::read(binary_reader& in) {
    stage_ = static_cast<stage>(in.number(static_cast<std::uint64_t>(stage::refused)));
    challenge_ = read_bytes_32(in);
    opening_.version = static_cast<int>(in.number(std::numeric_limits<int>::max()));
    opening_.challenge = read_bytes_32(in);
    read_node(in, opening_.from);
    opening_.to_registry = in.flag();
    read_node(in, opening_.to);
    proven_id_ = read_bytes_32(in);
}

} // namespace msd::core
