// SPDX-License-Identifier: Apache-2.0
#include "services/store_replies.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::services {
namespace {

store::idempotency scoped(const std::string& client, const std::string& key) {
    call asked;
    asked.idempotency_key = key;
    asked.from.client = client;
    return idempotency_of(asked, "POST/goods").value();
}

TEST(idempotency_of, has_none_without_a_key) {
    EXPECT_FALSE(idempotency_of(call{}, "POST/goods"));
}

TEST(idempotency_of, keeps_the_key_of_an_unknown_client) {
    const auto once = scoped("", "k");
    EXPECT_EQ(once.key, "k");
    EXPECT_EQ(once.unscoped_key, "");
    EXPECT_EQ(scoped("", std::string(256, 'k')).key.size(), 64);
}

TEST(idempotency_of, gives_each_client_its_own_key) {
    const auto once = scoped("192.0.2.1", "k");
    EXPECT_EQ(scoped("192.0.2.1", "k").key, once.key);
    EXPECT_NE(scoped("192.0.2.2", "k").key, once.key);
    EXPECT_NE(scoped("192.0.2.1", "l").key, once.key);
    EXPECT_NE(scoped("192.0.2.1k", "x").key, scoped("192.0.2.1", "kx").key);
    EXPECT_LE(once.key.size(), 255);
    EXPECT_EQ(scoped("192.0.2.2", "k").fingerprint, once.fingerprint);
}

TEST(idempotency_of, names_the_key_of_an_earlier_version) {
    const auto once = scoped("192.0.2.1", "k");
    EXPECT_EQ(once.unscoped_key, "k");
    EXPECT_GT(once.unscoped_until_ms, store::utc_now_ms() - 3'600'000);
    EXPECT_LE(once.unscoped_until_ms, store::utc_now_ms() + 60'000);
}

} // namespace
} // namespace msd::services
