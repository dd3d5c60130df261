// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/masking.hpp"
#include "base/secret_names.hpp"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace msd {
namespace {

TEST(secret_names, contain_a_secret_word_in_any_letter_case) {
    for (const std::string_view name :
         {"password",
          "PassWord",
          "new_password2",
          "passwords",
          "passwd",
          "client_secret",
          "sessionToken",
          "Proxy-Authorization",
          "Set-Cookie",
          "apikey",
          "X-Api-Key",
          "api_key_2",
          "my.API.key",
          "api key"}) {
        EXPECT_TRUE(is_secret_name(name)) << name;
    }
    for (const std::string_view name :
         {"", "username", "pass", "word", "key", "api", "author", "monkey", "description", "%"}) {
        EXPECT_FALSE(is_secret_name(name)) << name;
    }
}

TEST(secret_names, are_recognized_when_they_are_written_with_escapes) {
    for (const std::string_view name :
         {"%70assword",
          "pass%77ord",
          "%50%41SSWORD",
          "%2570assword",
          "pass\\u0077ord",
          "api+key",
          "api%20key",
          "api%5Fkey",
          "\\u0061pi-key"}) {
        EXPECT_TRUE(is_secret_name(name)) << name;
        EXPECT_TRUE(may_hold_secret("{\"" + std::string{name} + "\":1}")) << name;
    }
    EXPECT_FALSE(is_secret_name("%7"));
    EXPECT_FALSE(is_secret_name("pass%zzword"));
}

TEST(masking, changes_nothing_in_text_without_secrets) {
    for (const std::string_view text :
         {R"({"uri" : "/goods", "n": 1.0e5, "list":[ 1,2 ]})",
          R"("plain")",
          "null",
          "",
          R"({"text":"the password is wrong"})",
          R"({"text":"Password? \"token\" \u0041 100 %"})",
          R"({"pass\u0065":"x","price%":"10%"})",
          "registry.secret_file: permission denied",
          "malformed packet: unexpected token at byte 7",
          "the secret's value"}) {
        EXPECT_EQ(masked(text), text);
    }
}

TEST(masking, masks_every_type_of_value_at_every_level_of_json) {
    EXPECT_EQ(masked(R"({"password":"x","a":1})"), R"({"password":"***","a":1})");
    EXPECT_EQ(
        masked(R"({"PassWord":{"x":[1,"}"]},"aToken": [1 ],"SECRET":null,"cookie":"a\"b"})"),
        R"({"PassWord":"***","aToken": "***","SECRET":"***","cookie":"***"})"
    );
    EXPECT_EQ(
        masked(R"([{"params":{"username":"a","new-password":"b"}},{"token":1.50}])"),
        R"([{"params":{"username":"a","new-password":"***"}},{"token":"***"}])"
    );
    std::string deep = R"({"password":"x"})";
    for (int i = 0; i < 60; ++i) {
        deep = R"({"a":)" + deep + "}";
    }
    EXPECT_EQ(masked(deep).find("\"x\""), std::string::npos);
}

TEST(masking, masks_names_written_with_escapes) {
    EXPECT_EQ(masked(R"({"\u0070assword":"x"})"), R"({"\u0070assword":"***"})");
    EXPECT_EQ(masked(R"({"pass%77ord":"x"})"), R"({"pass%77ord":"***"})");
    EXPECT_EQ(masked("%70assword=x&a=1"), "%70assword=***&a=1");
    EXPECT_EQ(masked("/members?pass%77ord=x"), "/members?pass%77ord=***");
    EXPECT_EQ(masked(R"("{\"\\u0070assword\":\"x\"}")"), R"("{\"\\u0070assword\":\"***\"}")");
}

TEST(masking, masks_strings_that_contain_json_forms_and_queries) {
    EXPECT_EQ(
        masked(R"("{\"uri\":\"/members\",\"params\":{\"password\":\"b\"}}")"),
        R"("{\"uri\":\"/members\",\"params\":{\"password\":\"***\"}}")"
    );
    EXPECT_EQ(
        masked(R"({"url":"/members?username=a&password=b&c=d","body":"a=1&api_key=x y"})"),
        R"({"url":"/members?username=a&password=***&c=d","body":"a=1&api_key=***"})"
    );
    EXPECT_EQ(
        masked(R"({"raw":"received {\"token\":\"t\"} from a"})"),
        R"({"raw":"received {\"token\":\"***\"} from a"})"
    );
}

TEST(masking, masks_forms_and_queries) {
    EXPECT_EQ(masked("username=a&password=b"), "username=a&password=***");
    EXPECT_EQ(masked("password='a' \"b\" c&x=1"), "password=***&x=1");
    EXPECT_EQ(masked("GET /x?Token=abc HTTP/1.1"), "GET /x?Token=*** HTTP/1.1");
    EXPECT_EQ(masked("user[password]=x&y"), "user[password]=***&y");
    EXPECT_EQ(masked("password = hunter2 given"), "password = *** given");
    EXPECT_EQ(masked("set api key=abc now"), "set api key=*** now");
    EXPECT_EQ(masked("data=%7B%22password%22%3A%22x%22%7D&a=1"), "data=***&a=1");
    EXPECT_EQ(masked("data=a%20b&password="), "data=a%20b&password=");
}

TEST(masking, masks_header_lines_and_notations_of_other_languages) {
    EXPECT_EQ(
        masked("Host: a\r\nAuthorization: Bearer a b\r\nX-Api-Key: k\nAccept: */*"),
        "Host: a\r\nAuthorization: ***\r\nX-Api-Key: ***\nAccept: */*"
    );
    EXPECT_EQ(masked(R"(["Cookie: a=b; c=d"])"), R"(["Cookie: ***"])");
    EXPECT_EQ(
        masked("{ username: 'ann', password: 'x y', n: 1 }"),
        "{ username: 'ann', password: ***, n: 1 }"
    );
    EXPECT_EQ(masked("{'user': 'a', 'password': 'x'}"), "{'user': 'a', 'password': ***}");
    EXPECT_EQ(masked("it's {'token': [1, 2]}, isn't it"), "it's {'token': ***}, isn't it");
}

TEST(masking, masks_text_that_was_cut) {
    EXPECT_EQ(masked(R"({"a":1,"password":"secretval)"), R"({"a":1,"password":"***")");
    EXPECT_EQ(masked(R"({"password":{"a":"b)"), R"({"password":"***")");
    EXPECT_EQ(masked(R"({"password":)"), R"({"password":)");
    EXPECT_EQ(masked(R"({"a":"{\"password\":\"x)"), R"({"a":"{\"password\":\"***\")");
    EXPECT_EQ(masked(R"(he said "password=x)"), R"(he said "password=***)");
    EXPECT_EQ(masked("password"), "password");
    EXPECT_EQ(masked("\\"), "\\");
    EXPECT_EQ(masked("%\"\\"), "%\"\\");
}

// Strings in strings: found to a depth, then masked as a whole.
TEST(masking, never_shows_a_secret_in_strings_nested_too_deep) {
    std::string nested = R"({"password":"hunter2"})";
    for (int level = 0; level < 8; ++level) {
        nested = json::quote(nested);
        const std::string shown = masked(nested);
        EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
        EXPECT_TRUE(json::parse(shown)) << shown;
    }
}

// Each of these would take seconds if a part of the text were searched again and again.
TEST(masking, takes_time_in_proportion_to_the_text) {
    constexpr std::size_t bytes = 1 << 20;
    for (const std::string_view part :
         {"a=", "\"", "a=%", "\\\"", "'", "{\"a\":", "a ", "x:%", "\\u0022"}) {
        std::string text = "token ";
        while (text.size() < bytes) {
            text += part;
        }
        EXPECT_FALSE(masked(text).empty());
    }
}

} // namespace
} // namespace msd
