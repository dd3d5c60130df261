// SPDX-License-Identifier: Apache-2.0
// The proof of the cluster secret with a peer that sends anything: it is never proven, no input
// breaks a side, and what is written reads back. The state for another process is read from any
// bytes.
#include "core/cluster_proof.hpp"
#include "fuzz_target.hpp"
#include "wire/packet.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace {

using msd::fuzz::require;
namespace core = msd::core;
namespace wire = msd::wire;

core::shared_secrets secrets() {
    core::cluster_secrets made;
    require(made.add("0123456789abcdef0123456789abcdef").has_value(), "a secret is accepted");
    return std::make_shared<const core::cluster_secrets>(made);
}

core::proof_responder responder() {
    return {secrets(), {false, {"goods", "", 9010}}, msd::bytes_32{}};
}

// `packets` is one packet a line, from the side that does not hold the secret.
void converse(std::string_view packets) {
    core::proof_responder service = responder();
    wire::auth_opening opening;
    opening.to = {"goods", "", 9010};
    core::proof_initiator caller{secrets(), opening};
    while (!packets.empty()) {
        const std::string_view line = packets.substr(0, packets.find('\n'));
        packets.remove_prefix(line.size() == packets.size() ? line.size() : line.size() + 1);
        wire::packet packet;
        if (!packet.parse(line) || packet.kind() != wire::packet_kind::auth) {
            continue;
        }
        const auto& auth = *packet.fields().find("auth");
        static_cast<void>(service.receive(auth));
        static_cast<void>(caller.receive(auth));
        require(!service.is_proven() && !caller.is_proven(), "nobody proves it without the secret");
        if (const auto read = wire::read_auth(auth)) {
            std::string frame;
            std::visit([&frame](const auto& each) { wire::append_auth(frame, each); }, *read);
            wire::packet again;
            const std::string_view text{frame.data(), frame.size() - wire::terminator.size()};
            require(again.parse(text).has_value(), "a packet written can be parsed");
            require(wire::read_auth(*again.fields().find("auth")).has_value(), "and read back");
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = msd::fuzz::text_of(data, size);
    converse(input);
    core::proof_responder inherited = responder();
    msd::binary_reader in{input};
    inherited.read(in);
    if (in.is_complete()) {
        std::string bytes;
        msd::binary_writer out{bytes};
        inherited.write(out);
        core::proof_responder again = responder();
        msd::binary_reader second{bytes};
        again.read(second);
        require(second.is_complete() && again.now() == inherited.now(), "a state reads back");
    }
    return 0;
}
