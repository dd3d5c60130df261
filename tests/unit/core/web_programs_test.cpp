// SPDX-License-Identifier: Apache-2.0
// Web programs in the registry: nodes with the protocol http, from the registration to the routes.
#include "core/listed_programs.hpp"
#include "core/node_list.hpp"
#include "core/program_routes.hpp"
#include "core/registration.hpp"
#include "core/registry_handover.hpp"
#include "core/topology_frames.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {
namespace {

constexpr time_point programs_start{milliseconds{1'000'000}};

result<registration> registered(const std::string& params) {
    wire::packet packet;
    const std::string frame =
        R"({"uri":"/distributes","method":"POST","key":0,"params":)" + params + "}";
    EXPECT_TRUE(packet.parse(frame)) << frame;
    return read_registration(packet);
}

route_info web_path(std::string path, bool strip = false) {
    route_info made;
    made.path = std::move(path);
    made.strip = strip;
    return made;
}

node_info program(std::string name, std::uint16_t port, std::vector<route_info> routes) {
    node_info made;
    made.id = {std::move(name), "127.0.0.1", port};
    made.proto = 2;
    made.protocol = node_protocol::http;
    made.routes = std::move(routes);
    return made;
}

std::string frame_text(std::string frame) {
    frame.resize(frame.size() - wire::terminator.size());
    return frame;
}

TEST(program_registration, both_packets_have_protocol_and_routes_instead_of_urls) {
    const node_info self = program("web", 8081, {web_path("/api/", true), web_path("/about")});
    EXPECT_EQ(
        frame_text(first_registration(self)),
        R"({"uri":"/distributes","method":"POST","key":0,"params":{"port":8081,"name":"web",)"
        R"("urls":[],"host":"127.0.0.1","proto":2,"protocol":"http",)"
        R"("routes":[{"path":"/api/","strip":true},{"path":"/about"}]}})"
    );
    wire::packet packet;
    const std::string second = frame_text(second_registration(self, {7, 3}));
    ASSERT_TRUE(packet.parse(second));
    const auto said = read_registration(packet);
    ASSERT_TRUE(said) << said.error().text;
    EXPECT_TRUE(said->node.is_http());
    EXPECT_EQ(said->node.routes, self.routes);
    EXPECT_EQ(said->have, (revision{7, 3}));
}

TEST(program_registration, is_refused_with_the_member_that_is_wrong) {
    const std::vector<std::pair<std::string, std::string>> mistakes{
        {R"("protocol":"smtp")", "protocol"},
        {R"("protocol":7)", "protocol"},
        {R"("protocol":"http","urls":["GET/x"])", "urls"},
        {R"("protocol":"http","routes":[{"path":"x"}])", "path"},
        {R"("protocol":"http","routes":[{"path":"/a/../b"}])", "path"},
        {R"("protocol":"http","routes":[{"path":"/a{b}"}])", "path"},
        {R"("protocol":"http","routes":[{"path":"/a","strip":true}])", "strip"},
        {R"("protocol":"http","routes":[{"path":"/a/","strip":1}])", "strip"},
        {R"("protocol":"http","routes":[7])", "routes"},
        {R"("protocol":"http","routes":{})", "routes"},
    };
    for (const auto& [members, word] : mistakes) {
        const auto said = registered(R"({"port":1,"name":"web","proto":2,)" + members + "}");
        ASSERT_FALSE(said) << members;
        EXPECT_NE(said.error().text.find(word), std::string::npos) << said.error().text;
    }
}

TEST(program_registration, a_foreign_node_can_be_a_web_program_and_is_passed_on_unchanged) {
    const std::string members =
        R"("protocol":"http","x":1,"routes":[{"path":"/shop/","strip":true}])";
    auto said = registered(R"({"port":"3000","name":"shop",)" + members + "}");
    ASSERT_TRUE(said) << said.error().text;
    said->node.id.host = "127.0.0.1";
    const std::string entry =
        R"({"port":"3000","name":"shop","urls":[],"host":"127.0.0.1",)" + members + "}";
    EXPECT_EQ(foreign_entry(said->node), entry);
    EXPECT_EQ(msd_entry(said->node), entry);
    const auto listed = read_entry(entry);
    ASSERT_TRUE(listed);
    EXPECT_TRUE(listed->is_http());
    ASSERT_EQ(listed->routes.size(), 1U);
    EXPECT_EQ(listed->routes[0], web_path("/shop/", true));
}

TEST(program_registration, a_foreign_node_that_means_something_else_stays_a_foreign_node) {
    for (const char* const members : {
             R"("urls":["GET/x"],"protocol":"http","routes":[{"path":"/a/"}])",
             R"("urls":[],"protocol":"http","routes":"all")",
             R"("urls":[],"protocol":"http","routes":[{"path":"a"}])",
             R"("urls":[],"protocol":"smtp","routes":[{"path":"/a/"}])",
             R"("urls":[],"routes":[{"path":"/a/"}])",
         }) {
        auto said = registered(R"({"port":1,"name":"old",)" + std::string{members} + "}");
        ASSERT_TRUE(said) << members;
        EXPECT_FALSE(said->node.is_http()) << members;
        EXPECT_TRUE(said->node.routes.empty()) << members;
        said->node.id.host = "127.0.0.1";
        const std::string entry = foreign_entry(said->node);
        EXPECT_NE(entry.find(R"("routes":)"), std::string::npos) << "its own member stays";
    }
}

TEST(program_entry, foreign_lists_show_it_as_any_node) {
    const node_info web = program("web", 8081, {web_path("/api/", true)});
    EXPECT_EQ(foreign_entry(web), R"({"port":8081,"name":"web","urls":[],"host":"127.0.0.1"})");
    const std::string entry = msd_entry(web);
    EXPECT_EQ(
        entry,
        R"({"port":8081,"name":"web","urls":[],"host":"127.0.0.1","proto":2,)"
        R"("protocol":"http","routes":[{"path":"/api/","strip":true}]})"
    );
    auto read = read_entry(entry);
    ASSERT_TRUE(read) << read.error().text;
    read->port_token.clear();
    EXPECT_EQ(*read, web);
    EXPECT_FALSE(read_entry(R"({"port":1,"name":"a","host":"127.0.0.1","proto":2,)"
                            R"("protocol":"quic"})")
    ) << "of a later version: no caller of this one can use it";
}

TEST(route_wants, lists_header_fields_in_lower_case) {
    const std::string routes =
        R"([{"method":"GET","path":"/a","wants":["if-none-match","client","Accept","b c","",)"
        R"("authorization","if-none-match"]}])";
    const auto said =
        registered(R"({"port":1,"name":"a","proto":2,"urls":[],"routes":)" + routes + "}");
    ASSERT_TRUE(said) << said.error().text;
    const route_info& route = said->node.routes[0];
    EXPECT_TRUE(route.wants_client);
    EXPECT_EQ(route.wants, (std::vector<std::string>{"authorization", "if-none-match"}));
    EXPECT_NE(
        msd_entry(said->node).find(R"("wants":["client","authorization","if-none-match"])"),
        std::string::npos
    );
    EXPECT_EQ(foreign_entry(said->node).find("wants"), std::string::npos);
}

TEST(program_list, is_announced_with_its_routes_when_the_registration_is_complete) {
    node_list list{7, {}};
    const node_info web = program("web", 8081, {});
    ASSERT_TRUE(list.enroll({1, "127.0.0.1"}, web, programs_start, node_list::completeness::partial)
    );
    ASSERT_TRUE(list.enroll({1, "127.0.0.1"}, web, programs_start));
    const auto part = list.msd_part(0, {}, 10'000, 10);
    EXPECT_NE(part.entries.find(R"("protocol":"http")"), std::string::npos) << part.entries;
    EXPECT_TRUE(list.contradictions(10).empty());
}

TEST(program_list, other_routes_of_the_same_program_contradict) {
    node_list list{7, {}};
    ASSERT_TRUE(
        list.enroll({1, "127.0.0.1"}, program("web", 8081, {web_path("/a/")}), programs_start)
    );
    ASSERT_TRUE(
        list.enroll({2, "127.0.0.1"}, program("web", 8081, {web_path("/b/")}), programs_start)
    );
    ASSERT_EQ(list.contradictions(10).size(), 1U);
    EXPECT_EQ(list.contradictions(10)[0].routes, 1U);
    EXPECT_NE(list.msd_part(0, {}, 10'000, 10).entries.find("/a/"), std::string::npos);
}

TEST(program_handover, the_next_worker_lists_the_same_bytes) {
    const registry_settings settings;
    registry state{7, settings};
    const auto id = state.connect("127.0.0.1", programs_start);
    registration said;
    said.node = program("web", 8081, {web_path("/api/", true)});
    said.have = revision{};
    ASSERT_TRUE(state.enroll(id, said, programs_start));
    std::vector<carried_connection> connections(1);
    connections[0].id = id;
    const auto bytes = write_handover(state, connections);
    ASSERT_TRUE(bytes) << bytes.error().text;
    const auto next = read_handover(*bytes, settings);
    ASSERT_TRUE(next) << next.error().text;
    const auto before = state.nodes().msd_part(0, {}, 10'000, 10).entries;
    EXPECT_EQ(next->state.nodes().msd_part(0, {}, 10'000, 10).entries, before);
    EXPECT_NE(before.find(R"("protocol":"http")"), std::string::npos);
}

TEST(program_topology, follows_a_program_whose_routes_change) {
    topology known;
    const auto apply = [&known](const std::string& frame) {
        wire::packet packet;
        const std::string text = frame_text(frame);
        EXPECT_TRUE(packet.parse(text));
        EXPECT_TRUE(known.apply(packet));
        return known.take_changes();
    };
    const node_info web = program("web", 8081, {web_path("/a/")});
    const node_info moved = program("web", 8081, {web_path("/b/")});
    const std::string first = msd_entry(web);
    const std::string second = msd_entry(moved);
    ASSERT_EQ(apply(snapshot_frame({7, 3}, {first, 0, false})).size(), 1U);
    const auto changes = apply(changes_frame({7, 4}, {3, second, {}}));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_TRUE(changes[0].after->info.is_http());
    EXPECT_EQ(changes[0].after->info.routes, moved.routes);
}

std::string found_by(const program_routes& table, std::string_view path) {
    const auto read = request_path::read(path);
    const auto found = table.find(*read);
    return found.route ? found.route->service + " " + found.route->path : "";
}

TEST(program_routes, prefers_as_the_configuration_does) {
    program_routes table;
    table.add(program("a", 1, {web_path("/"), web_path("/x/{id}"), web_path("/x/y")}));
    table.add(program("b", 2, {web_path("/x/"), web_path("/x/{id}/photos/")}));
    EXPECT_EQ(found_by(table, "/x/y"), "a /x/y");
    EXPECT_EQ(found_by(table, "/x/%79"), "a /x/y");
    EXPECT_EQ(found_by(table, "/x/7"), "a /x/{id}");
    EXPECT_EQ(found_by(table, "/x/7/8"), "b /x/");
    EXPECT_EQ(found_by(table, "/x/7/photos/1"), "b /x/{id}/photos/");
    EXPECT_EQ(found_by(table, "/x"), "a /");
    EXPECT_EQ(found_by(table, "/z/../x/y"), "a /x/y");
    EXPECT_EQ(table.all().size(), 5U);
}

TEST(program_routes, depends_on_the_nodes_and_not_on_their_order) {
    const node_info one = program("b", 1, {web_path("/p/", true)});
    const node_info two = program("b", 2, {web_path("/p/", false)});
    const node_info other = program("a", 3, {web_path("/p/", true)});
    program_routes table;
    table.add(one);
    EXPECT_TRUE(table.all()[0]->strip);
    EXPECT_EQ(table.all()[0]->stripped, "/p");
    table.add(two);
    EXPECT_FALSE(table.all()[0]->strip) << "only when all nodes say so";
    table.add(other);
    EXPECT_EQ(found_by(table, "/p/x"), "a /p/");
    table.remove(other);
    EXPECT_EQ(found_by(table, "/p/x"), "b /p/");
    table.remove(two);
    EXPECT_TRUE(table.all()[0]->strip);
    table.remove(one);
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(found_by(table, "/p/x"), "");
    EXPECT_TRUE(table.all().empty());
}

TEST(program_routes, what_was_found_stays_valid) {
    program_routes table;
    const node_info web = program("a", 1, {web_path("/x/{id}"), web_path("/x/{name}/y/")});
    table.add(web);
    const auto found = table.find(*request_path::read("/x/1"));
    table.remove(web);
    EXPECT_EQ(found.route->service, "a");
    table.add(web);
    EXPECT_EQ(found_by(table, "/x/1/y/"), "a /x/{name}/y/");
}

listed_node_ptr listed(const node_info& info) {
    auto made = std::make_shared<listed_node>();
    made->info = info;
    return made;
}

class listed_programs_test : public testing::Test {
protected:
    void update(std::vector<node_change> changes, bool is_first = false) {
        programs.update({changes, is_first, programs_start});
    }

    listed_programs programs{milliseconds{10'000}};
    listed_node_ptr one = listed(program("web", 1, {web_path("/a/")}));
    listed_node_ptr two = listed(program("web", 2, {web_path("/a/")}));
};

TEST_F(listed_programs_test, has_the_addresses_and_routes_of_a_service) {
    update({{nullptr, two}, {nullptr, one}});
    EXPECT_EQ(programs.nodes_of("web"), (std::vector<node_id>{one->info.id, two->info.id}));
    EXPECT_EQ(found_by(programs.routes(), "/a/x"), "web /a/");
    const auto changes = programs.changes();
    const auto moved = listed(program("web", 1, {web_path("/b/")}));
    update({{one, moved}, {two, nullptr}});
    EXPECT_GT(programs.changes(), changes);
    EXPECT_EQ(found_by(programs.routes(), "/a/x"), "");
    EXPECT_EQ(found_by(programs.routes(), "/b/x"), "web /b/");
    update({{moved, nullptr}});
    EXPECT_FALSE(programs.has("web"));
    EXPECT_TRUE(programs.nodes_of("web").empty());
    EXPECT_TRUE(programs.routes().empty());
}

TEST_F(listed_programs_test, ignores_packet_services_and_hosts_that_are_never_called) {
    node_info packets = program("goods", 3, {});
    packets.protocol = node_protocol::packets;
    node_info hidden = program("hidden", 4, {web_path("/h/")});
    hidden.id.host = "169.254.169.254";
    update({{nullptr, listed(packets)}, {nullptr, listed(hidden)}});
    EXPECT_FALSE(programs.has("goods"));
    EXPECT_FALSE(programs.has("hidden"));
    EXPECT_TRUE(programs.routes().empty());
}

TEST_F(listed_programs_test, a_program_that_becomes_a_packet_service_is_removed) {
    update({{nullptr, one}});
    node_info packets = one->info;
    packets.protocol = node_protocol::packets;
    update({{one, listed(packets)}});
    EXPECT_FALSE(programs.has("web"));
}

TEST_F(listed_programs_test, keeps_what_the_list_of_a_restarted_registry_lacks_for_a_while) {
    update({{nullptr, one}, {nullptr, two}});
    EXPECT_EQ(programs.due(), time_point::max());
    update({{one, nullptr}, {two, nullptr}}, true);
    EXPECT_TRUE(programs.has("web"));
    EXPECT_EQ(programs.due(), programs_start + milliseconds{10'000});
    update({{nullptr, two}});
    programs.expire(programs_start + milliseconds{9'999});
    EXPECT_EQ(programs.nodes_of("web").size(), 2U);
    programs.registry_lost();
    EXPECT_EQ(programs.due(), time_point::max());
    programs.expire(programs_start + milliseconds{20'000});
    EXPECT_EQ(programs.nodes_of("web").size(), 2U) << "without a registry nothing is removed";
    update({});
    programs.expire(programs.due());
    EXPECT_EQ(programs.nodes_of("web"), std::vector<node_id>{two->info.id});
    EXPECT_EQ(programs.due(), time_point::max());
}

} // namespace
} // namespace msd::core
