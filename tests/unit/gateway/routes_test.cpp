// SPDX-License-Identifier: Apache-2.0
#include "gateway/routes.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace msd::gateway {
namespace {

using outcome = route_match::outcome;

core::node_info packet_service(std::string name, std::vector<std::string> urls) {
    core::node_info made;
    made.id = {std::move(name), "127.0.0.1", 1};
    made.urls = std::move(urls);
    return made;
}

core::node_info web_program(std::string name, std::string path, bool strip = false) {
    core::node_info made;
    made.id = {std::move(name), "127.0.0.1", 2};
    made.protocol = core::node_protocol::http;
    made.routes.resize(1);
    made.routes[0].path = std::move(path);
    made.routes[0].strip = strip;
    return made;
}

class routes_test : public testing::Test {
protected:
    static core::route_settings route(std::string service, std::string path, bool strip = false) {
        core::route_settings made;
        made.service = std::move(service);
        made.path = std::move(path);
        made.strip_prefix = strip;
        return made;
    }

    void apply(std::vector<core::route_settings> written) {
        auto made = core::configured_routes::compile(std::move(written));
        ASSERT_TRUE(made) << made.error().text;
        table.apply(*std::move(made));
    }

    [[nodiscard]] std::string
    found(std::string_view method, std::string_view path, std::string_view host = "") const {
        const route_match match = table.find({method, host, path});
        switch (match.what) {
        case outcome::configured:
            return "configured " + match.configured->settings.service;
        case outcome::packets:
            return "packets " + match.packets.target->service;
        case outcome::program:
            return "program " + match.program->service;
        case outcome::wrong_method:
            return "only " + match.allow;
        case outcome::unknown:
            return "unknown";
        case outcome::malformed:
            return "malformed";
        }
        return "";
    }

    [[nodiscard]] std::string target(const std::string& asked) const {
        const std::string_view path = std::string_view{asked}.substr(0, asked.find('?'));
        const route_match match = table.find({"GET", "", path});
        std::string storage;
        EXPECT_EQ(
            match.target_for_service(asked, storage).substr(0, asked.find('?')).substr(0, 1),
            "/"
        );
        return std::string{match.stripped()} + " " +
               std::string{match.target_for_service(asked, storage)};
    }

    core::route_table packets;
    core::program_routes programs;
    routes table{packets, programs};
};

TEST_F(routes_test, the_most_precise_route_wins_wherever_it_comes_from) {
    packets.add(packet_service("goods", {"GET/goods", "GET/goods/{id}", "POST/shop/pay"}));
    programs.add(web_program("web", "/shop/"));
    core::route_settings host = route("host", "/");
    host.hosts = {"h.test"};
    apply({route("site", "/"), route("exact", "/goods/7"), host});
    EXPECT_EQ(found("GET", "/goods"), "packets goods");
    EXPECT_EQ(found("HEAD", "/goods"), "packets goods");
    EXPECT_EQ(found("PUT", "/goods"), "configured site") << "the method has to fit";
    EXPECT_EQ(found("GET", "/goods/7"), "configured exact");
    EXPECT_EQ(found("GET", "/goods/8"), "packets goods");
    EXPECT_EQ(found("GET", "/shop/x"), "program web");
    EXPECT_EQ(found("POST", "/shop/pay"), "packets goods");
    EXPECT_EQ(found("GET", "/about"), "configured site");
    EXPECT_EQ(found("GET", "/goods", "h.test"), "configured host");
}

TEST_F(routes_test, of_equal_routes_the_configuration_comes_first) {
    packets.add(packet_service("goods", {"GET/a", "GET/b/{id}", "GET/c"}));
    programs.add(web_program("web", "/p/"));
    programs.add(web_program("web", "/c"));
    apply({route("one", "/a"), route("two", "/b/{x}"), route("three", "/p/")});
    EXPECT_EQ(found("GET", "/a"), "configured one");
    EXPECT_EQ(found("GET", "/b/1"), "configured two");
    EXPECT_EQ(found("GET", "/p/1"), "configured three");
    EXPECT_EQ(found("GET", "/c"), "packets goods");
    EXPECT_EQ(found("PUT", "/c"), "program web");
    apply({});
    EXPECT_EQ(found("GET", "/a"), "packets goods");
    EXPECT_EQ(found("GET", "/p/1"), "program web");
}

TEST_F(routes_test, with_packet_services_only_everything_is_as_it_was) {
    packets.add(packet_service("goods", {"GET/goods", "POST/goods", "GET/a/{id}"}));
    EXPECT_TRUE(table.has_only_packets());
    EXPECT_EQ(found("PUT", "/goods"), "only GET, HEAD, POST");
    EXPECT_EQ(found("GET", "/x/../goods"), "unknown");
    EXPECT_EQ(found("GET", "/%zz"), "unknown");
    EXPECT_EQ(found("GET", "*"), "unknown");
    EXPECT_EQ(found("GET", "/a/.."), "packets goods");
}

TEST_F(routes_test, says_which_methods_there_are_in_all_sources) {
    packets.add(packet_service("goods", {"DELETE/a"}));
    core::route_settings read = route("one", "/a");
    read.methods = {"GET", "PATCH"};
    apply({read});
    EXPECT_EQ(found("POST", "/a"), "only DELETE, GET, HEAD, PATCH");
    EXPECT_EQ(found("POST", "/b"), "unknown");
    EXPECT_EQ(found("POST", "/%zz"), "malformed");
    EXPECT_EQ(found("OPTIONS", "*"), "unknown");
}

TEST_F(routes_test, the_service_receives_the_path_without_prefix_and_dot_segments) {
    programs.add(web_program("web", "/w/", true));
    apply({route("api", "/api/", true), route("site", "/")});
    EXPECT_EQ(target("/api/x?y=/z"), "/api /x?y=/z");
    EXPECT_EQ(target("/api/?y"), "/api /?y");
    EXPECT_EQ(target("/%61pi//x"), "/api /x");
    EXPECT_EQ(target("/a/../api/x?y"), "/api /x?y");
    EXPECT_EQ(target("/api/../admin/x?y=.."), " /admin/x?y=..");
    EXPECT_EQ(target("//x//y?"), " //x//y?");
    EXPECT_EQ(target("/w/x"), "/w /x");
}

TEST_F(routes_test, a_stripped_prefix_with_variables_is_that_of_the_request) {
    programs.add(web_program("web", "/of/{name}/", true));
    apply({route("api", "/{tenant}/api/", true)});
    EXPECT_EQ(target("/blue/api/x?y"), "/blue/api /x?y");
    EXPECT_EQ(target("//blue//%61pi//x"), "/blue/%61pi /x");
    EXPECT_EQ(target("/no/../blue/api/x"), "/blue/api /x");
    EXPECT_EQ(target("/a%2Fb/api/x"), "/a%2Fb/api /x");
    EXPECT_EQ(target("/\\host;Path=/api/x"), "/%5Chost%3BPath=/api /x");
    EXPECT_EQ(target("/of/red/x"), "/of/red /x");
}

TEST_F(routes_test, a_match_outlives_the_table) {
    apply({route("api", "/api/", true)});
    const route_match match = table.find({"GET", "", "/api/x"});
    apply({});
    EXPECT_EQ(match.configured->settings.service, "api");
    EXPECT_EQ(match.name(), "/api/");
    EXPECT_EQ(match.stripped(), "/api");
    EXPECT_EQ(match.path_for_service("/api/x"), "/x");
}

TEST_F(routes_test, a_configured_route_can_lead_to_a_packet_service) {
    packets.add(packet_service("goods", {"GET/goods/{id}"}));
    packets.add(packet_service("goods-next", {"GET/goods/{id}"}));
    apply({route("goods-next", "/next/", true)});
    const std::string path = "/next/goods/7";
    const route_match match = table.find({"GET", "", path});
    ASSERT_EQ(match.what, outcome::configured);
    const auto inner = table.find_of("goods-next", "GET", match.path_for_service(path));
    ASSERT_EQ(inner.what, core::route_table::outcome::found);
    EXPECT_EQ(inner.target->service, "goods-next");
    EXPECT_EQ(inner.variables[0].second, "7");
}

} // namespace
} // namespace msd::gateway
