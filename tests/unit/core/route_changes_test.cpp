// SPDX-License-Identifier: Apache-2.0
// The route table when nodes come, change and go: it answers like a table built from the nodes that
// are there, and each change costs as much as it changes.
#include "core/route_table.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace msd::core {
namespace {

node_info node_with(std::string name, std::uint16_t port, std::vector<std::string> urls) {
    node_info node;
    node.id = {std::move(name), "127.0.0.1", port};
    node.urls = std::move(urls);
    return node;
}

// A node of few names with few segments, so that claims coincide.
node_info random_node(std::minstd_rand& random, std::uint16_t port) {
    const std::vector<std::string> segments{"a", "b", "{x}", "{y}", "{z}"};
    const std::vector<std::string> methods{"GET", "POST", "HEAD"};
    node_info node = node_with(std::string{"s"} + static_cast<char>('a' + random() % 5), port, {});
    const bool describes = random() % 2 == 0;
    const auto count = random() % 5;
    for (std::size_t i = 0; i < count; ++i) {
        std::string path;
        const auto depth = random() % 4 + 1;
        for (std::size_t level = 0; level < depth; ++level) {
            path += "/" + segments[random() % segments.size()];
        }
        const std::string& method = methods[random() % methods.size()];
        if (describes) {
            node.routes.push_back({method, path, random() % 4 == 0, {}, {}});
        }
        node.urls.push_back(method + path);
    }
    node.proto = describes ? 2 : 1;
    return node;
}

std::string answers_of(const route_table& table) {
    std::vector<std::string> paths{"", "/c"};
    for (std::size_t from = 0; from < paths.size() && paths.size() < 200; ++from) {
        for (const char* segment : {"/a", "/b", "/c", "/%zz", "/"}) {
            paths.push_back(paths[from] + segment);
        }
    }
    std::string all;
    for (const std::string& path : paths) {
        for (const char* method : {"GET", "POST", "HEAD", "PUT"}) {
            const auto match = table.find(method, path);
            all += std::string{method} + path + ": ";
            if (match.target) {
                all += match.target->service + match.target->method + match.target->pattern;
                all += match.target->one_way ? " one way" : "";
                for (const std::string& other : table.also_claimed_by(*match.target)) {
                    all += " " + other;
                }
            }
            for (const auto& [name, value] : match.variables) {
                all += " " + std::string{name} + "=" + value;
            }
            all += " " + match.allow + "\n";
        }
    }
    return all;
}

TEST(route_changes, answer_like_a_table_that_was_built_from_the_same_nodes) {
    std::minstd_rand random{7};
    std::vector<node_info> present;
    std::vector<node_info> gone;
    route_table table;
    for (std::uint16_t step = 1; step <= 600; ++step) {
        const auto what = random() % 6;
        if (what < 2 || present.empty()) {
            present.push_back(random_node(random, step));
            table.add(present.back());
        } else if (what == 2) {
            const std::size_t at = random() % present.size();
            table.remove(present[at]);
            present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (what == 3) {
            node_info& old = present[random() % present.size()];
            node_info now = random_node(random, step);
            now.id = old.id;
            table.replace(old, now);
            old = std::move(now);
        } else if (what == 4) {
            gone.push_back(random_node(random, step));
            table.add(gone.back(), route_table::presence::gone);
        } else if (!gone.empty()) {
            table.remove(gone.back(), route_table::presence::gone);
            gone.pop_back();
        }
        if (step % 10 == 0) {
            ASSERT_EQ(answers_of(table), answers_of(route_table{present, gone})) << step;
        }
    }
    for (const node_info& node : present) {
        table.remove(node);
    }
    for (const node_info& node : gone) {
        table.remove(node, route_table::presence::gone);
    }
    EXPECT_TRUE(table.empty()) << "nothing is left of nodes that were removed";
}

TEST(route_changes, keep_the_order_in_which_routes_were_claimed) {
    const node_info first = node_with("b", 1, {"GET/z", "GET/{x}/y"});
    const node_info second = node_with("a", 2, {"GET/z", "GET/a"});
    route_table table;
    table.add(first);
    table.add(second);
    std::string order;
    for (const auto& each : table.routes()) {
        order += each->service + each->pattern + " ";
    }
    EXPECT_EQ(order, "a/z b/{x}/y a/a ");
}

TEST(route_changes, cost_what_has_changed) {
    route_table table;
    std::vector<std::string> urls;
    for (int number = 0; number < 1000; ++number) {
        urls.push_back("GET/attack" + std::to_string(number) + (number % 2 == 0 ? "/{id}" : ""));
    }
    for (std::uint16_t port = 1; port <= 20; ++port) {
        for (std::string& url : urls) {
            url.insert(4, "x");
        }
        table.add(node_with("n" + std::to_string(port), port, urls));
    }
    const node_info old = node_with("n1", 100, urls);
    table.add(old);
    const std::uint64_t before = table.work();
    node_info now = old;
    now.urls.emplace_back("GET/new");
    table.replace(old, now);
    EXPECT_EQ(table.work() - before, 1U) << "one route was added";
    node_info last = now;
    last.urls[500] = "GET/other";
    table.replace(now, last);
    EXPECT_EQ(table.work() - before, 3U) << "one route was added and one removed";
    EXPECT_EQ(table.find("GET", "/new").what, route_table::outcome::found);
    EXPECT_EQ(table.find("GET", "/other").what, route_table::outcome::found);
}

TEST(route_changes, report_each_route_that_a_further_service_claims) {
    const node_info first = node_with("b", 1, {"GET/x", "GET/y"});
    const node_info second = node_with("a", 2, {"GET/x"});
    route_table table;
    table.add(first);
    table.add(node_with("b", 3, {"GET/x"}));
    EXPECT_TRUE(table.take_contested().empty()) << "an instance of the same service";
    table.add(second);
    const auto contested = table.take_contested();
    ASSERT_EQ(contested.size(), 1U);
    EXPECT_EQ(contested[0]->service, "a");
    EXPECT_EQ(table.also_claimed_by(*contested[0]), std::vector<std::string>{"b"});
    EXPECT_TRUE(table.take_contested().empty());
    table.add(node_with("c", 4, {"GET/x"}), route_table::presence::gone);
    EXPECT_TRUE(table.take_contested().empty()) << "a node that is gone competes with none";
    table.remove(second);
    EXPECT_TRUE(table.also_claimed_by(*contested[0]).empty());
}

TEST(route_changes, keep_only_so_many_reports_of_contested_routes) {
    std::vector<std::string> urls;
    for (std::size_t number = 0; number < route_table::contested_max + 10; ++number) {
        urls.push_back("GET/" + std::to_string(number));
    }
    route_table table;
    table.add(node_with("a", 1, urls));
    table.add(node_with("b", 2, urls));
    EXPECT_EQ(table.take_contested().size(), route_table::contested_max);
}

TEST(route_changes, leave_one_request_a_bounded_number_of_patterns_to_look_at) {
    std::vector<std::string> urls;
    for (std::size_t number = 0; number < 1U << 12U; ++number) {
        std::string url = "GET";
        for (unsigned bit = 0; bit < 12; ++bit) {
            url += (number >> bit & 1U) != 0 ? "/{v}" : "/a";
        }
        urls.push_back(url + "/end");
    }
    route_table table;
    table.add(node_with("attack", 1, urls));
    table.add(node_with("goods", 2, {"GET/goods/{id}"}));
    std::string path;
    for (int depth = 0; depth < 12; ++depth) {
        path += "/a";
    }
    EXPECT_EQ(table.find("GET", path + "/end").target->pattern, path + "/end");
    EXPECT_EQ(table.find("GET", path + "/other").what, route_table::outcome::unknown);
    EXPECT_EQ(table.find("GET", "/goods/7").target->service, "goods");
}

TEST(route_changes, list_a_bounded_number_of_methods) {
    std::vector<std::string> urls;
    for (int number = 0; number < 1000; ++number) {
        urls.push_back("M" + std::to_string(number) + "/x");
    }
    urls.push_back(std::string(33, 'M') + "/long");
    route_table table;
    table.add(node_with("attack", 1, urls));
    const auto match = table.find("GET", "/x");
    EXPECT_EQ(match.what, route_table::outcome::wrong_method);
    EXPECT_EQ(std::count(match.allow.begin(), match.allow.end(), ','), 63);
    EXPECT_EQ(table.find(std::string(33, 'M'), "/long").what, route_table::outcome::unknown);
}

} // namespace
} // namespace msd::core
