// SPDX-License-Identifier: Apache-2.0
#include "services/service.hpp"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace msd::services {
namespace {

TEST(service_table, has_the_services_on_their_usual_ports) {
    std::map<std::string, int> ports;
    for (const auto& one : all()) {
        ports.emplace(one.name, one.default_port);
        EXPECT_EQ(one.ships_logs, one.name != "logs");
    }
    EXPECT_EQ(
        ports,
        (std::map<std::string, int>{
            {"goods", 9010},
            {"members", 9020},
            {"purchases", 9030},
            {"logs", 9040},
            {"stores", 9050},
            {"events", 9060}})
    );
}

TEST(service_table, finds_by_name_only) {
    ASSERT_NE(find("goods"), nullptr);
    EXPECT_EQ(find("goods")->default_port, 9010);
    EXPECT_EQ(find("good"), nullptr);
    EXPECT_EQ(find(""), nullptr);
}

} // namespace
} // namespace msd::services
