// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_proof.hpp"
#include "wire/packet.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

using stage = proof_responder::stage;

const std::string common_secret = "common-0123456789-0123456789-0123";
const std::string newer_secret = "newer--0123456789-0123456789-0123";
const std::string other_secret = "other--0123456789-0123456789-0123";

shared_secrets secrets_of(const std::vector<std::string>& lines) {
    cluster_secrets made;
    for (const std::string& each : lines) {
        EXPECT_TRUE(made.add(each));
    }
    return std::make_shared<const cluster_secrets>(std::move(made));
}

bytes_32 challenge_of(unsigned char seed) {
    bytes_32 made{};
    made.fill(seed);
    return made;
}

const proof_target goods{false, {"goods", "10.0.0.2", 9010}};
const proof_target registry{true, {}};

wire::auth_opening opening_to(const proof_target& to, unsigned char seed = 1) {
    wire::auth_opening made;
    made.challenge = challenge_of(seed);
    made.from = {"purchases", "", 9030};
    made.to_registry = to.is_registry;
    made.to = to.node;
    return made;
}

// The value of `auth` in a frame, kept with the frame.
class auth_of {
public:
    explicit auth_of(std::string frame) : frame_{std::move(frame)} {
        const std::string_view text{frame_.data(), frame_.size() - wire::terminator.size()};
        EXPECT_TRUE(packet_.parse(text)) << text;
        EXPECT_EQ(packet_.kind(), wire::packet_kind::auth) << text;
    }

    [[nodiscard]] const json::value& value() const { return *packet_.fields().find("auth"); }

private:
    std::string frame_;
    wire::packet packet_;
};

template <class Side>
result<std::string> give(Side& to, const std::string& frame) {
    return to.receive(auth_of{frame}.value());
}

template <class Packet>
std::string frame_of(const Packet& packet) {
    std::string frame;
    wire::append_auth(frame, packet);
    return frame;
}

struct two_sides {
    two_sides(
        const std::vector<std::string>& initiator_has,
        const std::vector<std::string>& responder_has,
        const proof_target& to = goods
    )
        : initiator{secrets_of(initiator_has), opening_to(to)},
          responder{secrets_of(responder_has), to, challenge_of(2)} {}

    proof_initiator initiator;
    proof_responder responder;
};

TEST(cluster_proof, is_mutual_between_holders_of_one_secret) {
    for (const proof_target& to : {goods, registry}) {
        two_sides both{{common_secret}, {common_secret}, to};
        const auto answer = give(both.responder, both.initiator.opening_frame());
        ASSERT_TRUE(answer) << answer.error().text;
        EXPECT_FALSE(both.initiator.is_proven());
        EXPECT_FALSE(both.responder.is_proven());
        const auto confirmation = give(both.initiator, *answer);
        ASSERT_TRUE(confirmation) << confirmation.error().text;
        EXPECT_TRUE(both.initiator.is_proven());
        EXPECT_FALSE(both.responder.is_proven());
        const auto last = give(both.responder, *confirmation);
        ASSERT_TRUE(last) << last.error().text;
        EXPECT_EQ(*last, "");
        EXPECT_TRUE(both.responder.is_proven());
        EXPECT_EQ(both.responder.peer(), (wire::auth_node{"purchases", "", 9030}));
    }
}

TEST(cluster_proof, succeeds_with_any_common_secret_while_one_is_replaced) {
    const std::vector<std::vector<std::string>> states{
        {common_secret},
        {newer_secret, common_secret},
        {common_secret, newer_secret}};
    for (const auto& here : states) {
        for (const auto& there : states) {
            two_sides both{here, there};
            const auto answer = give(both.responder, both.initiator.opening_frame());
            ASSERT_TRUE(answer);
            const auto confirmation = give(both.initiator, *answer);
            ASSERT_TRUE(confirmation);
            EXPECT_TRUE(give(both.responder, *confirmation));
            EXPECT_TRUE(both.responder.is_proven());
        }
    }
    two_sides newest{{newer_secret, common_secret}, {newer_secret, common_secret}};
    const auto confirmation =
        give(newest.initiator, *give(newest.responder, newest.initiator.opening_frame()));
    ASSERT_TRUE(give(newest.responder, *confirmation));
    EXPECT_TRUE(newest.responder.is_proven_by(*secrets_of({newer_secret})));
    EXPECT_FALSE(newest.responder.is_proven_by(*secrets_of({common_secret})));
}

TEST(cluster_proof, fails_without_a_common_secret) {
    two_sides both{{other_secret}, {common_secret}};
    const auto answer = give(both.responder, both.initiator.opening_frame());
    ASSERT_TRUE(answer);
    const auto confirmation = give(both.initiator, *answer);
    ASSERT_FALSE(confirmation);
    EXPECT_EQ(confirmation.error().code, errc::denied);
    EXPECT_FALSE(both.initiator.is_proven());
}

TEST(cluster_proof, of_a_peer_that_guesses_is_refused) {
    two_sides both{{common_secret}, {common_secret}};
    ASSERT_TRUE(give(both.responder, both.initiator.opening_frame()));
    const auto last = give(both.responder, frame_of(wire::auth_confirmation{challenge_of(7)}));
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, errc::denied);
    EXPECT_EQ(both.responder.now(), stage::refused);
    // A second guess on the same connection is not even compared.
    EXPECT_FALSE(give(both.responder, both.initiator.opening_frame()));
}

TEST(cluster_proof, cannot_be_left_out) {
    two_sides both{{common_secret}, {common_secret}};
    EXPECT_FALSE(give(both.responder, frame_of(wire::auth_confirmation{})));
    EXPECT_EQ(both.responder.now(), stage::refused);
    two_sides again{{common_secret}, {common_secret}};
    wire::auth_answer no_proofs{wire::auth_version, challenge_of(2), {}};
    EXPECT_FALSE(give(again.initiator, frame_of(no_proofs)));
    EXPECT_FALSE(again.initiator.is_proven());
}

TEST(cluster_proof, cannot_be_replayed_to_either_side) {
    two_sides recorded{{common_secret}, {common_secret}};
    const std::string opening = recorded.initiator.opening_frame();
    const auto answer = give(recorded.responder, opening);
    const auto confirmation = give(recorded.initiator, *answer);
    ASSERT_TRUE(give(recorded.responder, *confirmation));

    // To a service: it has another challenge now.
    proof_responder service{secrets_of({common_secret}), goods, challenge_of(3)};
    ASSERT_TRUE(give(service, opening));
    const auto last = give(service, *confirmation);
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, errc::denied);
    EXPECT_FALSE(service.is_proven());

    // To a caller: its challenge is another one.
    proof_initiator caller{secrets_of({common_secret}), opening_to(goods, 4)};
    EXPECT_FALSE(give(caller, *answer));
    EXPECT_FALSE(caller.is_proven());
}

TEST(cluster_proof, cannot_be_reflected) {
    // The attacker connects to a service and gets the service's own proof as its only answer. Sent
    // back, it proves nothing, even if the attacker chooses the challenges alike.
    proof_responder service{secrets_of({common_secret}), goods, challenge_of(2)};
    wire::auth_opening opening = opening_to(goods, 2);
    const auto answer = give(service, frame_of(opening));
    ASSERT_TRUE(answer);
    const auto read = wire::read_auth(auth_of{*answer}.value());
    const auto& proofs = std::get<wire::auth_answer>(*read).proofs;
    EXPECT_FALSE(give(service, frame_of(wire::auth_confirmation{proofs.front()})));
    EXPECT_FALSE(service.is_proven());

    // The attacker is connected to and reflects the caller's opening and, later, its packets.
    proof_initiator caller{secrets_of({common_secret}), opening_to(goods)};
    EXPECT_FALSE(give(caller, caller.opening_frame()));
    EXPECT_FALSE(caller.is_proven());
}

TEST(cluster_proof, of_another_direction_or_role_is_of_no_use) {
    const wire::auth_opening opening = opening_to(goods);
    EXPECT_NE(
        proven_text(proof_side::initiator, opening, challenge_of(2)),
        proven_text(proof_side::responder, opening, challenge_of(2))
    );
    // An attacker in the middle passes a caller's opening on to another node.
    proof_responder members{
        secrets_of({common_secret}),
        {false, {"members", "", 9020}},
        challenge_of(2)};
    EXPECT_FALSE(give(members, frame_of(opening)));
    proof_responder moved{
        secrets_of({common_secret}),
        {false, {"goods", "10.0.0.3", 9010}},
        challenge_of(2)};
    EXPECT_FALSE(give(moved, frame_of(opening)));
    proof_responder distributor{secrets_of({common_secret}), registry, challenge_of(2)};
    EXPECT_FALSE(give(distributor, frame_of(opening)));
    proof_responder service{secrets_of({common_secret}), goods, challenge_of(2)};
    EXPECT_FALSE(give(service, frame_of(opening_to(registry))));
    // A node that is registered under whatever address the registry sees compares no host.
    proof_responder anywhere{
        secrets_of({common_secret}),
        {false, {"goods", "", 9010}},
        challenge_of(2)};
    EXPECT_TRUE(give(anywhere, frame_of(opening)));
}

TEST(cluster_proof, binds_every_part_of_the_opening) {
    const wire::auth_opening opening = opening_to(goods);
    const std::string text = proven_text(proof_side::responder, opening, challenge_of(2));
    const auto differs = [&](auto change) {
        wire::auth_opening other = opening;
        change(other);
        return proven_text(proof_side::responder, other, challenge_of(2)) != text;
    };
    EXPECT_TRUE(differs([](auto& o) { o.version = 2; }));
    EXPECT_TRUE(differs([](auto& o) { o.challenge[31] = 0; }));
    EXPECT_TRUE(differs([](auto& o) { o.from.name = "members"; }));
    EXPECT_TRUE(differs([](auto& o) { o.from.host = "10.0.0.9"; }));
    EXPECT_TRUE(differs([](auto& o) { o.from.port = 1; }));
    EXPECT_TRUE(differs([](auto& o) { o.to.name = "members"; }));
    EXPECT_TRUE(differs([](auto& o) { o.to.host = "10.0.0.9"; }));
    EXPECT_TRUE(differs([](auto& o) { o.to.port = 1; }));
    EXPECT_TRUE(differs([](auto& o) { o.to_registry = true; }));
    // The border between two values counts, too.
    EXPECT_TRUE(differs([](auto& o) {
        o.from.name = "purchase";
        o.from.host = "s";
    }));
    EXPECT_NE(proven_text(proof_side::responder, opening, challenge_of(3)), text);
}

TEST(cluster_proof, cannot_be_downgraded) {
    two_sides both{{common_secret}, {common_secret}};
    wire::auth_opening opening = opening_to(goods);
    opening.version = 0;
    const auto refused = give(both.responder, frame_of(opening));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("version 0, not 1"), std::string::npos);

    // An answer with the proofs of the asked version, but another version.
    two_sides again{{common_secret}, {common_secret}};
    const auto answer = give(again.responder, again.initiator.opening_frame());
    const auto read = wire::read_auth(auth_of{*answer}.value());
    wire::auth_answer older = std::get<wire::auth_answer>(*read);
    older.version = 0;
    EXPECT_FALSE(give(again.initiator, frame_of(older)));
    EXPECT_FALSE(again.initiator.is_proven());
}

TEST(cluster_proof, accepts_one_answer_only) {
    two_sides both{{common_secret}, {common_secret}};
    const auto answer = give(both.responder, both.initiator.opening_frame());
    wire::auth_answer wrong{wire::auth_version, challenge_of(9), {challenge_of(9)}};
    EXPECT_FALSE(give(both.initiator, frame_of(wrong)));
    EXPECT_FALSE(give(both.initiator, *answer));
    EXPECT_FALSE(both.initiator.is_proven());
}

TEST(cluster_proof, reports_the_reason_of_a_peer_that_refuses) {
    two_sides both{{common_secret}, {common_secret}};
    const std::string refusal = frame_of(wire::auth_refusal{"no secret here"});
    const auto at_initiator = give(both.initiator, refusal);
    ASSERT_FALSE(at_initiator);
    EXPECT_EQ(at_initiator.error().code, errc::refused);
    EXPECT_EQ(at_initiator.error().text, "no secret here");
    EXPECT_EQ(give(both.responder, refusal).error().code, errc::refused);
}

TEST(cluster_proof, goes_on_in_another_process_at_every_stage) {
    two_sides both{{common_secret}, {common_secret}};
    const auto moved = [](const proof_responder& from) {
        std::string bytes;
        binary_writer out{bytes};
        from.write(out);
        proof_responder to{secrets_of({newer_secret, common_secret}), goods, challenge_of(8)};
        binary_reader in{bytes};
        to.read(in);
        EXPECT_TRUE(in.is_complete());
        return to;
    };
    both.responder = moved(both.responder);
    const auto answer = give(both.responder, both.initiator.opening_frame());
    ASSERT_TRUE(answer);
    both.responder = moved(both.responder);
    const auto confirmation = give(both.initiator, *answer);
    ASSERT_TRUE(confirmation);
    ASSERT_TRUE(give(both.responder, *confirmation));
    both.responder = moved(both.responder);
    EXPECT_TRUE(both.responder.is_proven());
    EXPECT_EQ(both.responder.peer().name, "purchases");
    EXPECT_TRUE(both.responder.is_proven_by(*secrets_of({common_secret})));
    EXPECT_FALSE(both.responder.is_proven_by(*secrets_of({newer_secret})));
}

} // namespace
} // namespace msd::core
