// SPDX-License-Identifier: Apache-2.0
#include "app/call_arguments.hpp"
#include "app/status_table.hpp"
#include "app/text_table.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::app {
namespace {

std::string params(std::vector<std::string> words) {
    const auto made = call_params(words);
    return made ? *made : made.error().text;
}

TEST(call_params, are_an_empty_object_without_words) {
    EXPECT_EQ(params({}), "{}");
}

TEST(call_params, keep_values_as_strings_up_to_the_first_equals_sign) {
    EXPECT_EQ(
        params({"name=a=b", "price=1.50", "text="}),
        R"({"name":"a=b","price":"1.50","text":""})"
    );
}

TEST(call_params, use_the_last_value_of_a_repeated_name) {
    EXPECT_EQ(params({"a=1", "b=2", "a=3"}), R"({"b":"2","a":"3"})");
}

TEST(call_params, pass_a_json_object_on_unchanged) {
    EXPECT_EQ(params({R"({"id": 1.0})"}), R"({"id": 1.0})");
}

TEST(call_params, name_the_word_that_is_wrong) {
    EXPECT_EQ(params({"a=1", "b"}), "\"b\" is neither name=value nor a JSON object");
    EXPECT_EQ(params({"=1"}), "\"=1\" is neither name=value nor a JSON object");
    EXPECT_TRUE(params({R"({"a":)"}).starts_with("PARAMS: "));
}

TEST(text_table, pads_columns_to_their_widest_cell_and_leaves_no_trailing_blanks) {
    text_table table{{"NAME", "N"}};
    table.add({"a", "1"});
    table.add({"longer", "22"});
    EXPECT_EQ(table.text(false), "NAME    N\na       1\nlonger  22\n");
}

TEST(text_table, counts_the_columns_of_a_terminal) {
    text_table table{{"NAME", "N"}};
    table.add({"연필심심", "1"});
    table.add({"e\u0301te", "2"});
    table.add({"abcdefgh", "3"});
    EXPECT_EQ(table.text(false), "NAME      N\n연필심심  1\ne\u0301te       2\nabcdefgh  3\n");
}

TEST(text_table, escapes_control_characters_of_cells) {
    text_table table{{"NAME"}};
    table.add({"a\x1b[2Jb\n"});
    table.add({"\xc2\x9b"
               "2J"});
    table.add({"a\u202Eb"});
    EXPECT_EQ(table.text(false), "NAME\na\\x1b[2Jb\\n\n\\x9b2J\na\\u202eb\n");
}

TEST(text_table, has_a_bold_header_only_with_colours) {
    const text_table table{{"NAME"}};
    EXPECT_EQ(table.text(true), "\x1b[1mNAME\x1b[0m\n");
}

TEST(status_table, lets_no_text_of_an_instance_control_the_terminal) {
    const std::string text = status_table(
        "up\x1b[2J",
        R"({"state":"a\nb","version":"\u001b[1m","upgrade":{"id":1,"state":"refused\u202e",)"
        R"("reason":"boom\nMAINPID=1"},"pools":[{"name":"g","host":"h","port":1,"slots":[)"
        R"({"slot":0,"pid":11,"state":"\u009bm","last_exit":"x\ny"}]}]})",
        false
    );
    EXPECT_EQ(text.substr(0, text.find(", pid")), "up\\x1b[2J: a\\nb");
    EXPECT_NE(text.find("version \\x1b[1m,"), std::string::npos) << text;
    EXPECT_NE(text.find("upgrade 1: refused\\u202e: boom\\nMAINPID=1\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("\\x9bm"), std::string::npos) << text;
    EXPECT_NE(text.find("x\\ny\n"), std::string::npos) << text;
}

TEST(status_table, has_a_row_for_every_slot) {
    const std::string text = status_table(
        "up-8000",
        R"({"pid":10,"version":"1.2.3","state":"degraded","uptime_ms":3725000,)"
        R"("memory_bytes":1048576,"pools":[{"name":"goods","host":"127.0.0.1",)"
        R"("port":9010,"slots":[)"
        R"({"slot":0,"pid":11,"generation":1,"state":"ready","uptime_ms":61000,"restarts":2,)"
        R"("last_exit":"exit code 1","memory_bytes":2097152,"build":"1.2.2","connections":3,)"
        R"("requests":456,"heartbeat_age_ms":400},)"
        R"({"slot":1,"pid":null,"state":"waiting","restarts":0,"last_exit":null,)"
        R"("retry_in_ms":1900}]}]})",
        false
    );
    EXPECT_EQ(
        text,
        "up-8000: degraded, pid 10, version 1.2.3, up 1h02m, master 1.0M\n"
        "SLOT     ADDRESS         PID  STATE         UP     GEN  BUILD  MEMORY  CONNS  REQUESTS  "
        "BEAT  RESTARTS  LAST EXIT\n"
        "goods/0  127.0.0.1:9010  11   ready         1m01s  1    1.2.2  2.0M    3      456       "
        "0.4s  2         exit code 1\n"
        "goods/1  127.0.0.1:9010  -    waiting 1.9s  -      -    -      -       -      -         "
        "-     0         -\n"
    );
}

TEST(status_table, shows_a_roll_in_progress_and_a_refused_upgrade) {
    const std::string text = status_table(
        "up-8000",
        R"({"state":"ready","roll":{"id":3,"state":"rolling","slot":"goods/1","phase":"soaking",)"
        R"("reason":""},"upgrade":{"id":2,"state":"refused","reason":"it said no"},"pools":[]})",
        false
    );
    EXPECT_NE(text.find("\nroll 3: rolling, goods/1 is soaking\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\nupgrade 2: refused: it said no\n"), std::string::npos) << text;
}

TEST(status_table, does_not_show_completed_rolls_and_upgrades) {
    const std::string text = status_table(
        "up-8000",
        R"({"roll":{"id":3,"state":"done"},"upgrade":{"id":0,"state":"idle"},"pools":[]})",
        false
    );
    EXPECT_EQ(text.find("roll"), std::string::npos) << text;
    EXPECT_EQ(text.find("upgrade"), std::string::npos) << text;
}

TEST(status_table, reports_a_status_that_cannot_be_read) {
    EXPECT_EQ(status_table("up-8000", "[", false), "up-8000: cannot be read\n");
}

} // namespace
} // namespace msd::app
