// SPDX-License-Identifier: Apache-2.0
#include "app/exposure.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace msd::app {
namespace {

TEST(exposure, is_no_matter_on_loopback) {
    for (const char* const host : {"", "127.0.0.1", "127.0.0.2", "::1", "localhost"}) {
        EXPECT_FALSE(is_beyond_loopback(host)) << host;
        EXPECT_EQ(warning_without_secret(std::vector<packet_port>{{"goods", host}}), "") << host;
    }
}

TEST(exposure, names_the_ports_that_other_hosts_can_reach_and_what_to_do) {
    const std::vector<packet_port> ports{
        {"distributor", "0.0.0.0"},
        {"goods", "127.0.0.1"},
        {"members", "::"}};
    const std::string warning = warning_without_secret(ports);
    EXPECT_NE(warning.find("can connect to distributor, members:"), std::string::npos) << warning;
    EXPECT_NE(warning.find("registry.secret_file"), std::string::npos);
    for (const char* const host : {"10.0.0.2", "::", "fe80::1", "db.local"}) {
        EXPECT_TRUE(is_beyond_loopback(host)) << host;
    }
}

} // namespace
} // namespace msd::app
