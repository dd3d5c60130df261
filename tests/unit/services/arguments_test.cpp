// SPDX-License-Identifier: Apache-2.0
#include "services/arguments.hpp"

#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <stdexcept>
#include <string>

namespace msd::services {
namespace {

constexpr std::array schema{
    parameter{.name = "name", .required = true, .length_max = 3, .length_min = 1},
    parameter{.name = "count", .type = parameter_type::integer, .minimum = -5, .maximum = 1000},
    parameter{.name = "price", .type = parameter_type::decimal},
    parameter{.name = "password", .secret = true},
};

constexpr std::array bounded{
    parameter{.name = "name", .allowed = characters::name},
    parameter{.name = "price", .type = parameter_type::decimal, .minimum = 0, .maximum = 10},
    parameter{.name = "debt", .type = parameter_type::decimal, .minimum = -5, .maximum = -1},
};

std::string problems_in_bounded(std::string_view params) {
    json::object object;
    EXPECT_TRUE(object.parse(params)) << params;
    arguments args;
    std::string all;
    for (const auto& [field, text] : arguments::check(&object, bounded, args)) {
        all += field + ": " + text + "; ";
    }
    return all;
}

struct checked {
    arguments args;
    std::string problems; // "field: text; "
};

checked check(std::string_view params) {
    json::object object;
    EXPECT_TRUE(object.parse(params)) << params;
    checked outcome;
    for (const auto& [field, text] : arguments::check(&object, schema, outcome.args)) {
        outcome.problems += field + ": " + text + "; ";
    }
    return outcome;
}

std::string problems_of(std::string_view params) {
    return check(params).problems;
}

TEST(arguments, a_real_number_is_the_nearest_double_within_its_bounds) {
    static constexpr std::array latitude{
        parameter{.name = "lat", .type = parameter_type::real, .minimum = -90, .maximum = 90}};
    const auto read = [](std::string_view value) {
        const std::string params = "{\"lat\":" + std::string{value} + "}";
        json::object object;
        EXPECT_TRUE(object.parse(params)) << params;
        arguments args;
        const auto problems = arguments::check(&object, latitude, args);
        return problems.empty() ? args.real("lat") : 1000.0;
    };
    EXPECT_EQ(read("52.520006612345678"), 52.520006612345678);
    EXPECT_EQ(read("-9e1"), -90);
    EXPECT_EQ(read("\"1e-3\""), 0.001);
    for (const auto* const bad :
         {"90.00000000000002",
          "-91",
          "1e999",
          "\"\"",

          "\"inf\"",
          "\"nan\"",
          "true",
          "[1]"}) {
        EXPECT_EQ(read(bad), 1000) << bad;
    }
}

TEST(arguments, holds_typed_values) {
    const auto [args, problems] =
        check(R"({"name":"ab","count":7,"price":4.15,"password":"geheim","unknown":[1]})");
    EXPECT_EQ(problems, "");
    EXPECT_EQ(args.text("name"), "ab");
    EXPECT_EQ(args.integer("count"), 7);
    EXPECT_EQ(args.decimal("price").e4(), 41'500);
    EXPECT_FALSE(args.has("unknown"));
}

TEST(arguments, accepts_numeric_strings_as_numbers) {
    const auto [args, problems] = check(R"({"name":"a","count":"-5","price":"0.0001"})");
    EXPECT_EQ(problems, "");
    EXPECT_EQ(args.integer("count"), -5);
    EXPECT_EQ(args.decimal("price").e4(), 1);
}

TEST(arguments, accepts_a_number_for_a_text_and_keeps_its_digits) {
    EXPECT_EQ(check(R"({"name":1.0})").args.text("name"), "1.0");
    EXPECT_EQ(check(R"({"name":"1.0"})").args.text("name"), "1.0");
}

TEST(arguments, treats_null_as_absent) {
    const auto [args, problems] = check(R"({"name":"a","count":null})");
    EXPECT_EQ(problems, "");
    EXPECT_FALSE(args.has("count"));
    EXPECT_EQ(args.integer_or("count", 9), 9);
    EXPECT_EQ(problems_of(R"({"name":null})"), "name: is required; ");
}

TEST(arguments, counts_code_points_not_bytes) {
    EXPECT_EQ(problems_of(R"({"name":"연필\u00b6"})"), "");
    EXPECT_EQ(problems_of(R"({"name":"연필연필"})"), "name: must have at most 3 characters; ");
    EXPECT_EQ(problems_of(R"({"name":""})"), "name: must not be empty; ");
}

TEST(arguments, refuses_half_of_a_surrogate_pair) {
    EXPECT_EQ(problems_of(R"({"name":"\ud800"})"), "name: contains half of a surrogate pair; ");
    EXPECT_EQ(problems_of(R"({"name":"\ud83d\ude00"})"), "");
    EXPECT_EQ(problems_of(R"({"name":"a","other":"\ud800"})"), "")
        << "an unknown parameter is not stored";
}

TEST(arguments, refuses_control_and_format_characters_in_names) {
    for (const auto* const bad :
         {R"(\u0000)",
          R"(\n)",
          R"(\u001b[31m)",
          R"(\u007f)",
          R"(\u0085)",
          R"(\u200b)",
          R"(\u202e)",
          R"(\u2066)",
          R"(\u00ad)",
          R"(\ufeff)",
          R"(\u2028)",
          R"(\udb40\udc41)"}) {
        EXPECT_EQ(
            problems_in_bounded(std::string{R"({"name":"a)"} + bad + "b\"}"),
            "name: must not contain control characters (such as line ends) or invisible format "
            "characters; "
        ) << bad;
    }
    EXPECT_EQ(problems_in_bounded(R"({"name":"연필 é \u0301 ¶ \ud83d\ude00 '; -- \\"})"), "");
}

TEST(arguments, accepts_only_amounts_of_money_in_range) {
    for (const auto* const right : {"0", "-0", "0.0001", "10", "10.0000"}) {
        EXPECT_EQ(problems_in_bounded(std::string{R"({"price":)"} + right + "}"), "") << right;
    }
    for (const auto* const low : {"-0.0001", "-1", "-900000000000000"}) {
        EXPECT_EQ(
            problems_in_bounded(std::string{R"({"price":)"} + low + "}"),
            "price: must be at least 0; "
        ) << low;
    }
    for (const auto* const high : {"10.0001", "11", "900000000000000"}) {
        EXPECT_EQ(
            problems_in_bounded(std::string{R"({"price":)"} + high + "}"),
            "price: must be at most 10; "
        ) << high;
    }
    EXPECT_EQ(problems_in_bounded(R"({"debt":-5})"), "");
    EXPECT_EQ(problems_in_bounded(R"({"debt":-1})"), "");
    EXPECT_EQ(problems_in_bounded(R"({"debt":-5.5})"), "debt: must be at least -5; ");
    EXPECT_EQ(problems_in_bounded(R"({"debt":-0.5})"), "debt: must be at most -1; ");
}

TEST(arguments, lists_all_problems_in_schema_order_and_then_has_no_values) {
    const auto [args, problems] = check(R"({"price":"much","count":"x","password":"p"})");
    EXPECT_EQ(
        problems,
        "name: is required; count: must be an integer; "
        "price: must be a number from -9e14 to 9e14 with at most 4 decimals; "
    );
    EXPECT_FALSE(args.has("password"));
}

TEST(arguments, refuses_values_of_other_types) {
    EXPECT_EQ(problems_of(R"({"name":[]})"), "name: must be a string; ");
    EXPECT_EQ(problems_of(R"({"name":{"a":1}})"), "name: must be a string; ");
    EXPECT_EQ(problems_of(R"({"name":"a","count":true})"), "count: must be an integer; ");
    EXPECT_EQ(problems_of(R"({"name":"a","price":false})"), "price: must be a number; ");
}

TEST(arguments, accepts_only_exact_integers_in_range) {
    EXPECT_EQ(problems_of(R"({"name":"a","count":7.0})"), "");
    EXPECT_EQ(problems_of(R"({"name":"a","count":"1e2"})"), "");
    for (const auto* const wrong :
         {"1.5",
          "\"1x\"",
          "\"\"",
          "\"0x10\"",
          "\"[1]\"",
          "1e99",
          "99999999999999999999",
          "\"\\\"1\\\"\""}) {
        const auto params = std::string{R"({"name":"a","count":)"} + wrong + "}";
        EXPECT_EQ(problems_of(params), "count: must be an integer; ") << wrong;
    }
    EXPECT_EQ(problems_of(R"({"name":"a","count":-6})"), "count: must be at least -5; ");
    EXPECT_EQ(problems_of(R"({"name":"a","count":1001})"), "count: must be at most 1000; ");
}

TEST(arguments, accepts_only_exact_amounts_of_money) {
    for (const auto* const right :
         {"900000000000000", "-900000000000000.0000", "1.50000", "\"1.5e3\"", "0"}) {
        const auto params = std::string{R"({"name":"a","price":)"} + right + "}";
        EXPECT_EQ(problems_of(params), "") << right;
    }
    for (const auto* const wrong :
         {"0.00001", "900000000000000.0001", "1e15", "\"\"", "\"1,5\"", "\"NaN\"", "\" 1\""}) {
        const auto params = std::string{R"({"name":"a","price":)"} + wrong + "}";
        EXPECT_NE(problems_of(params), "") << wrong;
    }
}

TEST(arguments, throw_when_a_handler_reads_an_absent_value_or_another_type) {
    const auto args = check(R"({"name":"a"})").args;
    EXPECT_THROW(static_cast<void>(args.integer("count")), std::logic_error);
    EXPECT_THROW(static_cast<void>(args.decimal("price")), std::logic_error);
    EXPECT_THROW(static_cast<void>(args.text("password")), std::logic_error);
    EXPECT_THROW(static_cast<void>(args.text("unknown")), std::logic_error);
    EXPECT_THROW(static_cast<void>(args.integer("name")), std::logic_error);
    EXPECT_EQ(args.text("name"), "a");
}

TEST(arguments, are_all_absent_without_params) {
    arguments args;
    const auto problems = arguments::check(nullptr, schema, args);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].field, "name");
}

TEST(arguments, have_the_same_fingerprint_for_equal_values_only) {
    const auto one = check(R"({"name":"a","count":7,"price":1.5})").args.fingerprint();
    EXPECT_EQ(check(R"({"price":"1.50","count":"7","name":"a"})").args.fingerprint(), one);
    EXPECT_NE(check(R"({"name":"a","count":8,"price":1.5})").args.fingerprint(), one);
    EXPECT_NE(check(R"({"name":"b","count":7,"price":1.5})").args.fingerprint(), one);
    EXPECT_NE(check(R"({"name":"a","count":7})").args.fingerprint(), one);
}

TEST(arguments, have_a_fingerprint_that_does_not_depend_on_secrets) {
    EXPECT_EQ(
        check(R"({"name":"a","password":"x"})").args.fingerprint(),
        check(R"({"name":"a","password":"y"})").args.fingerprint()
    );
}

TEST(arguments, keep_unchecked_params_byte_for_byte) {
    const auto args = arguments::unchecked(R"([1, "a"])");
    EXPECT_EQ(args.raw(), R"([1, "a"])");
    EXPECT_NE(args.fingerprint(), arguments::unchecked("[]").fingerprint());
}

} // namespace
} // namespace msd::services
