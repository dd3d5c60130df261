// SPDX-License-Identifier: Apache-2.0
#include "process/worker_description.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::process {
namespace {

worker_description complete() {
    worker_description made;
    made.pool = "goods";
    made.slot = 1;
    made.workers = 4;
    made.generation = 7;
    made.master = 123;
    made.control = 9;
    made.board = 10;
    made.line = 77;
    made.handover = 11;
    made.config = 12;
    made.listeners = {5, 6};
    made.host = "::1";
    made.port = 9010;
    made.ports = {{"distributor", 9000}, {"goods", 9010}};
    return made;
}

std::string refusal(const std::string& text) {
    const auto read = decode_worker_description(text);
    return read ? "accepted" : read.error().text;
}

constexpr const char* shortest = "pool=a slot=0 workers=1 generation=1 master=1 control=3";

TEST(worker_description, survives_a_round_trip) {
    const auto read = decode_worker_description(encode(complete()));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, complete());
}

TEST(worker_description, survives_a_round_trip_without_listeners_and_ports) {
    worker_description bare = complete();
    bare.listeners.clear();
    bare.ports.clear();
    bare.host.clear();
    const auto read = decode_worker_description(encode(bare));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, bare);
}

TEST(worker_description, requires_only_the_fields_that_every_worker_has) {
    EXPECT_EQ(refusal(shortest), "accepted");
}

TEST(worker_description, names_the_missing_field) {
    EXPECT_EQ(
        refusal("pool=a slot=0 workers=1 generation=1 master=1"),
        "MSD_WORKER: 'control' is missing"
    );
    EXPECT_EQ(refusal(""), "MSD_WORKER: 'pool' is missing");
}

TEST(worker_description, ignores_fields_that_a_later_master_adds) {
    EXPECT_EQ(refusal(std::string{shortest} + " colour=red"), "accepted");
    EXPECT_EQ(
        refusal(std::string{shortest} + " colour=red colour=blue"),
        "MSD_WORKER: 'colour' is given twice"
    );
}

TEST(worker_description, refuses_a_repeated_field) {
    EXPECT_EQ(refusal(std::string{shortest} + " slot=0"), "MSD_WORKER: 'slot' is given twice");
}

TEST(worker_description, refuses_a_slot_that_is_not_below_the_number_of_workers) {
    EXPECT_EQ(
        refusal("pool=a slot=2 workers=2 generation=1 master=1 control=3"),
        "MSD_WORKER: slot 2 of 2 workers"
    );
}

TEST(worker_description, refuses_numbers_out_of_range) {
    for (const char* const field :
         {"listeners=2",
          "listeners=5,x",
          "port=65536",
          "port=-1",
          "port=",
          "ports=goods:0",
          "ports=:80",
          "ports=goods"}) {
        EXPECT_EQ(
            refusal(std::string{shortest} + " " + field),
            "MSD_WORKER: '" + std::string{field} + "' is unusable"
        );
    }
    EXPECT_EQ(refusal("pool="), "MSD_WORKER: 'pool=' is unusable");
    EXPECT_EQ(refusal("control=2"), "MSD_WORKER: 'control=2' is unusable");
    EXPECT_EQ(refusal("workers=0"), "MSD_WORKER: 'workers=0' is unusable");
}

TEST(worker_description, refuses_more_listeners_than_the_limit) {
    std::string many = "listeners=3";
    for (std::size_t i = 1; i < listeners_max; ++i) {
        many += ",3";
    }
    EXPECT_EQ(refusal(std::string{shortest} + " " + many), "accepted");
    EXPECT_NE(refusal(std::string{shortest} + " " + many + ",3"), "accepted");
}

} // namespace
} // namespace msd::process
