// SPDX-License-Identifier: Apache-2.0
#include "host/request_sender.hpp"

#include <gtest/gtest.h>

namespace msd::host {
namespace {

services::sender peer_named(std::string_view name) {
    services::sender peer;
    peer.address = "127.0.0.1";
    add_hello(peer, name);
    return peer;
}

std::string client_in(const services::sender& peer, std::string_view packet, bool proof_needed) {
    json::object fields;
    EXPECT_TRUE(fields.parse(packet));
    return sender_of(peer, fields, proof_needed).client;
}

constexpr std::string_view with_client = R"({"client":"10.0.0.7","params":{"client":"9.9.9.9"}})";

TEST(request_sender, believes_the_client_of_a_gateway_only) {
    EXPECT_EQ(client_in(peer_named("gate"), with_client, false), "10.0.0.7");
    EXPECT_EQ(client_in(peer_named("goods"), with_client, false), "");
    EXPECT_EQ(client_in(peer_named("gateway"), with_client, false), "");
    EXPECT_EQ(client_in(peer_named(""), with_client, false), "");
    EXPECT_EQ(client_in(peer_named("gate"), R"({"params":{"client":"9.9.9.9"}})", false), "");
}

TEST(request_sender, believes_only_a_proven_gateway_when_a_proof_is_needed) {
    services::sender gateway = peer_named("gate");
    EXPECT_EQ(client_in(gateway, with_client, true), "");
    gateway.is_proven = true;
    EXPECT_EQ(client_in(gateway, with_client, true), "10.0.0.7");
    services::sender service = peer_named("goods");
    service.is_proven = true;
    EXPECT_EQ(client_in(service, with_client, true), "");
}

TEST(request_sender, trusts_a_node_that_proved_the_secret_or_without_one_is_on_this_host) {
    const auto is_trusted = [](services::sender peer, bool proof_needed) {
        json::object fields;
        EXPECT_TRUE(fields.parse("{}"));
        return sender_of(peer, fields, proof_needed).is_trusted;
    };
    services::sender peer = peer_named("goods");
    EXPECT_FALSE(is_trusted(peer, false));
    peer.is_local = true;
    EXPECT_TRUE(is_trusted(peer, false));
    EXPECT_FALSE(is_trusted(peer, true));
    peer.is_local = false;
    peer.is_proven = true;
    EXPECT_TRUE(is_trusted(peer, true));
    services::sender silent;
    silent.is_local = true;
    EXPECT_FALSE(is_trusted(silent, false)) << "it sent no hello";
}

TEST(request_sender, reads_addresses_only_and_gives_each_one_form) {
    const services::sender gateway = peer_named("gate");
    const auto client = [&gateway](const std::string& value) {
        return client_in(gateway, R"({"client":)" + value + "}", false);
    };
    EXPECT_EQ(client(R"("::1")"), "::1");
    EXPECT_EQ(client(R"("0:0:0:0:0:0:0:1")"), "::1");
    EXPECT_EQ(client(R"("::ffff:10.1.2.3")"), "10.1.2.3");
    for (const std::string& bad :
         {std::string{R"("localhost")"},
          std::string{R"("")"},
          std::string{"7"},
          std::string{"null"},
          std::string{R"("10.0.0.1\n")"},
          std::string{R"("10.0.0.1:80")"},
          '"' + std::string(100, '1') + '"'}) {
        EXPECT_EQ(client(bad), "") << bad;
    }
}

TEST(request_sender, keeps_what_the_first_hello_contained) {
    services::sender peer = peer_named("goods");
    add_hello(peer, "gate");
    EXPECT_EQ(peer.name, "goods");
    EXPECT_FALSE(peer.is_gateway);
    services::sender gateway = peer_named("gate");
    add_hello(gateway, "goods");
    EXPECT_TRUE(gateway.is_gateway);
    EXPECT_EQ(peer_named(std::string(129, 'x')).name, "");
}

} // namespace
} // namespace msd::host
