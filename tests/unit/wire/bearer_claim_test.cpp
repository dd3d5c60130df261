// SPDX-License-Identifier: Apache-2.0
#include "wire/bearer_claim.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::wire {
namespace {

// {"sub":"ann","n":17,"ok":true,"a":[1],"none":null}
constexpr const char* payload =
    "eyJzdWIiOiJhbm4iLCJuIjoxNywib2siOnRydWUsImEiOlsxXSwibm9uZSI6bnVsbH0";

std::string bearer(const std::string& part) {
    return "Bearer eyJhbGciOiJIUzI1NiJ9." + part + ".c2lnbmF0dXJl";
}

TEST(bearer_claim, is_read_from_the_payload) {
    EXPECT_EQ(bearer_claim(bearer(payload), "sub"), "ann");
    EXPECT_EQ(bearer_claim(bearer(payload), "n"), "17");
    EXPECT_EQ(bearer_claim(bearer(payload), "ok"), "true");
    EXPECT_EQ(bearer_claim("bearer a." + std::string{payload} + ".b", "sub"), "ann");
    EXPECT_EQ(bearer_claim("Bearer ." + std::string{payload} + ".", "sub"), "ann");
}

TEST(bearer_claim, is_nothing_without_a_readable_one) {
    for (const char* name : {"a", "none", "SUB", ""}) {
        EXPECT_FALSE(bearer_claim(bearer(payload), name)) << name;
    }
    const std::string whole = bearer(payload);
    const std::string fields[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer " + std::string{payload},
        "Basic a." + std::string{payload} + ".b",
        "Bearer a." + std::string{payload},
        whole + ".more",
        bearer("eyJzdWIiOiJhbm4i"),         // half an object
        bearer(std::string{payload} + "="), // padding
        bearer("e30*"),                     // no base64url
        bearer("WyJzdWIiXQ"),               // no object
        bearer(std::string(token_payload_bytes_max + 1, 'A')),
    };
    for (const std::string& field : fields) {
        EXPECT_FALSE(bearer_claim(field, "sub")) << field.substr(0, 80);
    }
}

} // namespace
} // namespace msd::wire
