// SPDX-License-Identifier: Apache-2.0
#include "core/registration.hpp"

#include <gtest/gtest.h>
#include <string>

namespace msd::core {
namespace {

result<registration> read(const std::string& frame) {
    wire::packet packet;
    EXPECT_TRUE(packet.parse(frame)) << frame;
    return read_registration(packet);
}

result<registration> read_params(const std::string& params) {
    return read(R"({"uri":"/distributes","method":"POST","key":0,"params":)" + params + "}");
}

std::string without_terminator(std::string frame) {
    EXPECT_TRUE(frame.ends_with(wire::terminator));
    frame.resize(frame.size() - wire::terminator.size());
    return frame;
}

node_info goods() {
    node_info node;
    node.id = {"goods", "", 9010};
    node.proto = 2;
    node.routes = {
        {"GET", "/goods", false, {}, R"([{"name":"limit"}])"},
        {"POST", "/logs", true, {"password"}, {}},
    };
    return node;
}

TEST(registration, is_read_in_the_form_that_foreign_nodes_send) {
    const auto said =
        read_params(R"({"port":9010,"name":"goods","urls":["POST/goods","GET/goods"]})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.id, (node_id{"goods", "", 9010}));
    EXPECT_EQ(said->node.urls, (std::vector<std::string>{"POST/goods", "GET/goods"}));
    EXPECT_EQ(said->node.proto, 1);
    EXPECT_FALSE(said->have);
}

TEST(registration, keeps_the_type_of_the_port) {
    const auto said = read_params(R"({"name":"gate","port":"9051"})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.id.port, 9051);
    EXPECT_EQ(said->node.port_token, R"("9051")");
    EXPECT_TRUE(said->node.urls.empty());
}

TEST(registration, keeps_unknown_fields_of_a_foreign_node_in_order) {
    auto said = read_params(R"({"z":{"a": [1,2]},"port":9010,"name":"goods","b":1.50,)"
                            R"("urls":[],"host":"10.0.0.9","b":2})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.extra_members, R"("z":{"a": [1,2]},"b":2)");
    EXPECT_EQ(said->node.id.host, "") << "a foreign node does not say where it is";
    said->node.id.host = "127.0.0.1";
    EXPECT_EQ(
        foreign_entry(said->node),
        R"({"port":9010,"name":"goods","urls":[],"host":"127.0.0.1","z":{"a": [1,2]},"b":2})"
    );
}

TEST(registration, does_not_list_a_correlation_key_as_a_member_of_the_node) {
    const auto keyed = read(
        R"({"uri":"/distributes","method":"POST","params":{"port":1,"name":"a","key":4,"x":1}})"
    );
    ASSERT_TRUE(keyed);
    EXPECT_EQ(keyed->node.extra_members, R"("x":1)");
}

TEST(registration, refuses_params_that_do_not_describe_a_node) {
    for (const std::string params : {
             "null",
             R"("abc")",
             "[]",
             "5",
             "{}",
             R"({"port":9010})",
             R"({"name":"goods"})",
             R"({"name":"","port":9010})",
             R"({"name":5,"port":9010})",
             R"({"name":"a\nb","port":9010})",
             R"({"name":"goods","port":0})",
             R"({"name":"goods","port":65536})",
             R"({"name":"goods","port":-1})",
             R"({"name":"goods","port":"90x"})",
             R"({"name":"goods","port":" 90"})",
             R"({"name":"goods","port":null})",
             R"({"name":"goods","port":9010,"urls":"GET/goods"})",
             R"({"name":"goods","port":9010,"urls":[1]})",
             R"({"name":"goods","port":9010,"proto":2,"routes":[{}]})",
             R"({"name":"goods","port":9010,"proto":2,"routes":5})",
             R"({"name":"goods","port":9010,"proto":2,"have":{"epoch":1}})",
             R"({"name":"goods","port":9010,"proto":2,"have":[]})",
             R"({"name":"goods","port":9010,"proto":2,"interest":"goods"})",
         }) {
        const auto said = read_params(params);
        ASSERT_FALSE(said) << params;
        EXPECT_EQ(said.error().code, errc::invalid);
        EXPECT_FALSE(said.error().text.empty());
    }
    EXPECT_FALSE(read(R"({"uri":"/distributes","method":"POST","key":1})"));
}

TEST(registration, refuses_a_host_that_no_caller_can_connect_to) {
    for (const std::string proto : {"", R"(,"proto":2)"}) {
        for (const std::string host : {"0.0.0.0", "::", "::ffff:0.0.0.0", "node 1", "-x"}) {
            const auto said = read_params(
                R"({"name":"goods","port":9010,"urls":[],"host":")" + host + "\"" + proto + "}"
            );
            ASSERT_FALSE(said) << host << proto;
            EXPECT_EQ(said.error().code, errc::invalid);
            EXPECT_EQ(said.error().text.find("host '"), 0U) << said.error().text;
        }
        EXPECT_FALSE(read_params(R"({"name":"goods","port":9010,"host":5)" + proto + "}"));
        EXPECT_TRUE(read_params(R"({"name":"goods","port":9010,"host":"")" + proto + "}"));
        EXPECT_TRUE(read_params(R"({"name":"goods","port":9010,"host":null)" + proto + "}"));
    }
}

TEST(registration, refuses_values_over_a_limit) {
    const std::string long_name(name_bytes_max + 1, 'x');
    EXPECT_FALSE(read_params(R"({"port":1,"name":")" + long_name + R"("})"));
    const std::string long_url(url_bytes_max + 1, 'x');
    EXPECT_FALSE(read_params(R"({"port":1,"name":"a","urls":[")" + long_url + R"("]})"));
    std::string many = R"("GET/x")";
    for (std::size_t i = 0; i < urls_max; ++i) {
        many += R"(,"GET/x")";
    }
    EXPECT_FALSE(read_params(R"({"port":1,"name":"a","urls":[)" + many + "]}"));
}

TEST(registration, first_has_only_members_that_every_distributor_understands) {
    EXPECT_EQ(
        first_registration(goods()),
        R"({"uri":"/distributes","method":"POST","key":0,"params":{"port":9010,"name":"goods",)"
        R"("urls":["GET/goods","POST/logs"],"proto":2}})"
        "\xC2\xB6"
    );
}

TEST(registration, second_is_read_back_with_routes_and_known_revision) {
    node_info self = goods();
    self.id.host = "::ffff:10.0.0.7";
    const auto said =
        read(without_terminator(second_registration(self, {18'000'000'000'000'000'000U, 42})));
    ASSERT_TRUE(said);
    EXPECT_EQ(said->node.id, (node_id{"goods", "10.0.0.7", 9010}));
    EXPECT_EQ(said->node.routes, self.routes);
    EXPECT_EQ(said->node.urls, (std::vector<std::string>{"GET/goods", "POST/logs"}));
    EXPECT_EQ(said->have, (revision{18'000'000'000'000'000'000U, 42}));
    EXPECT_TRUE(said->interest.empty());
}

TEST(registration, sorts_the_names_a_node_is_interested_in) {
    const auto said = read_params(
        R"({"port":1,"name":"a","proto":2,"have":{"epoch":0,"rev":0},"interest":["logs","goods"]})"
    );
    ASSERT_TRUE(said);
    EXPECT_EQ(said->interest, (std::vector<std::string>{"goods", "logs"}));
}

TEST(registration, writes_no_terminator_inside_a_frame) {
    node_info self = goods();
    self.id.name = "a¶b";
    const std::string frame = without_terminator(first_registration(self));
    EXPECT_EQ(frame.find(wire::terminator), std::string::npos);
    EXPECT_EQ(read(frame)->node.id.name, "a¶b");
}

TEST(deregistration, names_the_node_whose_callers_are_gone) {
    const auto read_back = [](const std::string& frame) {
        const std::string text = without_terminator(frame);
        wire::packet packet;
        EXPECT_TRUE(packet.parse(text)) << text;
        EXPECT_EQ(packet.method(), "DELETE");
        return read_deregistration(packet);
    };
    const node_id id{"goods", "", 9010};
    EXPECT_EQ(read_back(deregistration(7, &id)), id);
    EXPECT_EQ(read_back(deregistration(7)), std::nullopt);
}

TEST(entry, for_foreign_nodes_has_only_members_they_know) {
    node_info node = goods();
    node.id.host = "127.0.0.1";
    node.urls = {"GET/goods"};
    EXPECT_EQ(
        foreign_entry(node),
        R"({"port":9010,"name":"goods","urls":["GET/goods"],"host":"127.0.0.1"})"
    );
}

TEST(entry, for_msd_nodes_is_read_back_whole) {
    node_info node = goods();
    node.id.host = "127.0.0.1";
    node.urls = {"GET/goods"};
    node.port_token = R"("9010")";
    auto read_back = read_entry(msd_entry(node));
    ASSERT_TRUE(read_back);
    EXPECT_EQ(*read_back, node);
    node.critical = true;
    read_back = read_entry(as_critical(msd_entry(node)));
    ASSERT_TRUE(read_back);
    EXPECT_EQ(*read_back, node);
}

TEST(entry, of_a_lost_foreign_node_keeps_its_own_fields) {
    const auto said = read_params(R"({"port":9010,"name":"goods","urls":[],"zone":"a"})");
    ASSERT_TRUE(said);
    node_info node = said->node;
    node.id.host = "127.0.0.1";
    const auto lost = read_entry(as_critical(msd_entry(node)));
    ASSERT_TRUE(lost);
    EXPECT_TRUE(lost->critical);
    EXPECT_EQ(lost->extra_members, R"("zone":"a")");
}

TEST(entry, is_refused_without_a_host) {
    EXPECT_FALSE(read_entry(R"({"port":9010,"name":"goods","urls":[]})"));
    EXPECT_FALSE(read_entry("[]"));
    EXPECT_TRUE(read_entry(R"({"port":9010,"name":"goods","host":"::ffff:127.0.0.1"})"));
}

TEST(identity, is_read_back_unchanged) {
    const node_id id{R"(a "b")", "::1", 65535};
    std::string text;
    append_identity(text, id);
    EXPECT_EQ(read_identity(text).value(), id);
}

TEST(plain_host, takes_the_prefix_of_mapped_addresses_only) {
    EXPECT_EQ(plain_host("::ffff:127.0.0.1"), "127.0.0.1");
    EXPECT_EQ(plain_host("::FFFF:10.1.2.3"), "10.1.2.3");
    EXPECT_EQ(plain_host("::1"), "::1");
    EXPECT_EQ(plain_host("::ffff:abcd"), "::ffff:abcd");
    EXPECT_EQ(plain_host("127.0.0.1"), "127.0.0.1");
    EXPECT_EQ(plain_host(""), "");
}

TEST(registration, is_read_at_exactly_the_limits) {
    const auto reads = [](const std::string& members) {
        return static_cast<bool>(read_params("{" + members + "}"));
    };
    EXPECT_TRUE(reads(R"("port":1,"name":")" + std::string(name_bytes_max, 'x') + "\""));
    EXPECT_TRUE(reads(R"("port":65535,"name":" ~\u00e9")"));
    EXPECT_TRUE(reads(R"("port":"65535","name":"a")"));
    EXPECT_FALSE(reads(R"("port":"65536","name":"a")"));
    EXPECT_FALSE(reads(R"("port":"","name":"a")"));
    EXPECT_FALSE(reads(R"("port":1,"name":"a\u001f")"));
    EXPECT_FALSE(reads(R"("port":1,"name":"a\u007f")"));
    EXPECT_FALSE(reads(R"("port":1,"name":"a\u0000")"));
    const std::string node = R"("port":1,"name":"a","proto":2)";
    EXPECT_TRUE(reads(node + R"(,"urls":[")" + std::string(url_bytes_max, 'x') + "\"]"));
    std::string urls = R"("")";
    std::string routes = R"({"method":"GET","path":"/"})";
    for (std::size_t count = 1; count < urls_max; ++count) {
        urls += R"(,"")";
        routes += R"(,{"method":"GET","path":"/"})";
    }
    EXPECT_TRUE(reads(node + R"(,"urls":[)" + urls + "]"));
    EXPECT_TRUE(reads(node + R"(,"routes":[)" + routes + "]"));
    EXPECT_FALSE(reads(node + R"(,"routes":[)" + routes + R"(,{"method":"GET","path":"/"}])"));
    std::string names = R"("a")";
    for (std::size_t count = 1; count < interest_max; ++count) {
        names += R"(,"a")";
    }
    EXPECT_TRUE(reads(node + R"(,"interest":[)" + names + "]"));
    EXPECT_FALSE(reads(node + R"(,"interest":[)" + names + R"(,"a"])"));
    EXPECT_EQ(name_bytes_max, 128U);
    EXPECT_EQ(host_bytes_max, 255U);
    EXPECT_EQ(url_bytes_max, 1024U);
    EXPECT_EQ(urls_max, 1000U);
    EXPECT_EQ(interest_max, 256U);
}

TEST(registration, reads_each_member_of_a_route) {
    const auto said = [](const std::string& routes) {
        return read_params(R"({"port":1,"name":"a","proto":2,"routes":)" + routes + "}");
    };
    const auto read_whole =
        said(R"([{"method":"PUT","path":"/a","one_way":true,"secrets":["x","y"],)"
             R"("wants":["else","client"],"schema":[1]},)"
             R"({"method":"GET","path":"/","one_way":false,"wants":["clients"]}])");
    ASSERT_TRUE(read_whole);
    EXPECT_EQ(
        read_whole->node.routes,
        (std::vector<route_info>{
            {"PUT", "/a", true, {"x", "y"}, "[1]", true, {"else"}},
            {"GET", "/", false, {}, {}, false, {"clients"}}})
    );
    EXPECT_TRUE(said(R"([{"method":"GET","path":"/)" + std::string(url_bytes_max - 1, 'x') + "\"}]")
    );
    for (const std::string& bad :
         {std::string{R"([{"method":"","path":"/a"}])"},
          std::string{R"([{"method":"GET","path":"a"}])"},
          std::string{R"([{"method":"GET"}])"},
          std::string{R"([{"path":"/a"}])"},
          std::string{R"([{"method":"GET","path":"/a","secrets":"x"}])"},
          std::string{R"([{"method":"GET","path":"/a","secrets":[1]}])"},
          std::string{R"([{"method":"GET","path":"/a","wants":"client"}])"},
          std::string{R"([5])"},
          R"([{"method":"GET","path":"/)" + std::string(url_bytes_max, 'x') + "\"}]"}) {
        EXPECT_FALSE(said(bad)) << bad;
    }
}

TEST(registration, names_the_wrong_member) {
    const auto text = [](const std::string& members) {
        const auto said = read_params(R"({"port":1,"name":"a")" + members + "}");
        return said ? std::string{} : said.error().text;
    };
    EXPECT_EQ(text(R"(,"urls":5)"), "urls must be an array of strings");
    EXPECT_EQ(text(R"(,"urls":[5])"), "urls must be an array of strings");
    EXPECT_EQ(
        text(R"(,"proto":2,"interest":[")" + std::string(name_bytes_max + 1, 'x') + "\"]"),
        "interest must have strings of at most 128 bytes"
    );
    EXPECT_EQ(text(R"(,"proto":2,"have":5)"), "have must be an object");
    EXPECT_EQ(text(R"(,"proto":2,"have":{"rev":1})"), "have must contain epoch and rev");
    EXPECT_EQ(
        text(R"(,"host":")" + std::string(256, 'x') + "\"").find("host must be a string"),
        0U
    );
    EXPECT_EQ(text(R"(,"host":"a\u0001")").find("host must be a string"), 0U);
    EXPECT_EQ(text(R"(,"proto":1,"have":5)"), "") << "a foreign node's own member";
}

TEST(entry, describes_routes_with_only_the_members_they_have) {
    node_info node = goods();
    node.id.host = "h";
    node.urls = {"GET/goods"};
    EXPECT_EQ(
        msd_entry(node),
        R"({"port":9010,"name":"goods","urls":["GET/goods"],"host":"h","proto":2,"routes":[)"
        R"({"method":"GET","path":"/goods","schema":[{"name":"limit"}]},)"
        R"({"method":"POST","path":"/logs","one_way":true,"secrets":["password"]}]})"
    );
    node.routes = {{"GET", "/a", false, {}, {}, true}};
    EXPECT_EQ(
        msd_entry(node),
        R"({"port":9010,"name":"goods","urls":["GET/goods"],"host":"h","proto":2,"routes":[)"
        R"({"method":"GET","path":"/a","wants":["client"]}]})"
    );
    EXPECT_EQ(foreign_entry(node).find("client"), std::string::npos);
    node.routes.clear();
    EXPECT_EQ(
        msd_entry(node),
        R"({"port":9010,"name":"goods","urls":["GET/goods"],"host":"h","proto":2})"
    );
    node.proto = 1;
    EXPECT_EQ(msd_entry(node), foreign_entry(node));
    const auto entry = read_entry(R"({"port":1,"name":"a","host":"h","critical":false})");
    ASSERT_TRUE(entry);
    EXPECT_FALSE(entry->critical);
}

TEST(plain_host, keeps_an_address_whose_prefix_only_looks_mapped) {
    EXPECT_EQ(plain_host("::ffff:"), "::ffff:");
    EXPECT_EQ(plain_host("::fffe:1.2.3.4"), "::fffe:1.2.3.4");
    EXPECT_EQ(plain_host("1.2.3.4:5.6.7.8"), "1.2.3.4:5.6.7.8");
    EXPECT_EQ(plain_host("::ffff:."), ".");
}

} // namespace
} // namespace msd::core
