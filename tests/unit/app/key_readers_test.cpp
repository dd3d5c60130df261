// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"
#include "app/config_schema.hpp"
#include "app/key_readers.hpp"
#include "unit/app/roles_for_tests.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::app {
namespace {

using names = std::vector<std::string>;

command_line command_of(verb what, const std::string& service = {}) {
    command_line made;
    made.what = what;
    made.service = service;
    return made;
}

// The pools whose workers read the key, under the master of `command`.
names pools_that_read(const std::string& name, const command_line& command) {
    const config_schema schema{test_roles};
    const config_key* const key = schema.find(name);
    EXPECT_NE(key, nullptr) << name;
    names found;
    for (const role_facts& role : test_roles) {
        if (key != nullptr && is_read_by_workers(command, role, *key)) {
            found.emplace_back(role.name);
        }
    }
    return found;
}

names pools_of_up_that_read(const std::string& name) {
    return pools_that_read(name, command_of(verb::up));
}

TEST(key_readers, are_defined_for_every_key) {
    const config_schema schema{test_roles};
    for (const config_key& key : schema.keys()) {
        EXPECT_NE(key.readers, 0U) << key.name;
    }
}

TEST(key_readers, of_a_key_of_one_role_are_the_workers_of_that_role) {
    EXPECT_EQ(pools_of_up_that_read("gateway.body_bytes_max"), (names{"gateway"}));
    EXPECT_EQ(pools_of_up_that_read("gateway.http_status"), (names{"gateway"}));
    EXPECT_EQ(pools_of_up_that_read("distributor.ping_every_ms"), (names{"distributor"}));
    EXPECT_EQ(pools_of_up_that_read("services.ship_logs"), (names{"goods", "members"}));
    EXPECT_EQ(pools_of_up_that_read("store.connections_max"), (names{"goods", "members"}));
    EXPECT_EQ(pools_of_up_that_read("cache.memory_ttl_ms"), (names{"goods", "members"}));
}

TEST(key_readers, of_a_key_for_all_workers_are_all_workers) {
    const names all{"distributor", "gateway", "goods", "members"};
    EXPECT_EQ(pools_of_up_that_read("log.level"), all);
    EXPECT_EQ(pools_of_up_that_read("packets.frame_timeout_ms"), all);
    EXPECT_EQ(pools_of_up_that_read("supervision.drain_timeout_ms"), all);
    EXPECT_EQ(pools_of_up_that_read("supervision.heartbeat_every_ms"), all);
    EXPECT_EQ(pools_of_up_that_read("supervision.core_dumps"), all);
    EXPECT_EQ(
        pools_of_up_that_read("upstream.ping_idle_ms"),
        (names{"gateway", "goods", "members"})
    );
}

TEST(key_readers, of_a_key_of_the_master_include_no_workers) {
    for (const char* const key :
         {"supervision.soak_ms", "supervision.start_timeout_ms", "gateway.workers"}) {
        EXPECT_EQ(pools_of_up_that_read(key), names{}) << key;
    }
}

TEST(key_readers, of_the_address_of_the_registry_are_workers_whose_master_runs_no_registry) {
    EXPECT_EQ(pools_of_up_that_read("registry.distributor"), names{});
    EXPECT_EQ(
        pools_that_read("registry.distributor", command_of(verb::gateway)),
        (names{"gateway", "goods", "members"})
    );
}

TEST(key_readers, of_a_port_are_the_commands_that_listen_on_it) {
    const config_schema schema{test_roles};
    const config_key& port = *schema.find("services.goods.port");
    EXPECT_TRUE(is_read_by(command_of(verb::up), port));
    EXPECT_TRUE(is_read_by(command_of(verb::service, "goods"), port));
    EXPECT_FALSE(is_read_by(command_of(verb::service, "members"), port));
    EXPECT_FALSE(is_read_by(command_of(verb::gateway), port));
    EXPECT_FALSE(is_read_by(command_of(verb::status), port));
}

} // namespace
} // namespace msd::app
