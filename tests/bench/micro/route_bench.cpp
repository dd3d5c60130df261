// SPDX-License-Identifier: Apache-2.0
#include "core/route_table.hpp"

#include <fmt/format.h>

#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace msd::core {
namespace {

// A table of `services` services, each with five routes.
route_table table_of(std::int64_t services) {
    std::vector<node_info> nodes;
    for (std::int64_t index = 0; index < services; ++index) {
        const std::string path = fmt::format("/service{}", index);
        node_info node;
        node.id = {path.substr(1), "127.0.0.1", static_cast<std::uint16_t>(10'000 + index)};
        node.urls = {"GET" + path, "POST" + path, "DELETE" + path};
        node.proto = 2;
        for (const char* method : {"GET", "POST", "DELETE"}) {
            node.routes.push_back({method, path, false, {}, {}});
        }
        for (const char* method : {"GET", "PUT"}) {
            node.routes.push_back({method, path + "/{id}", false, {}, {}});
        }
        nodes.push_back(std::move(node));
    }
    return route_table{nodes};
}

void route_find(benchmark::State& state, const std::string& path, route_table::outcome wanted) {
    const route_table table = table_of(state.range(0));
    if (table.find("GET", path).what != wanted) {
        state.SkipWithError("the lookup finds something else");
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.find("GET", path));
    }
}
BENCHMARK_CAPTURE(route_find, exact, "/service3", route_table::outcome::found)->Arg(5)->Arg(500);
BENCHMARK_CAPTURE(route_find, pattern, "/service3/17", route_table::outcome::found)
    ->Arg(5)
    ->Arg(500);
BENCHMARK_CAPTURE(route_find, unknown, "/nowhere/17", route_table::outcome::unknown)
    ->Arg(5)
    ->Arg(500);

// One node changes one of its ten routes, in a table of so many routes of others.
void route_change(benchmark::State& state) {
    route_table table;
    const auto node_with = [](std::int64_t number, const std::string& last) {
        node_info node;
        node.id = {fmt::format("service{}", number), "127.0.0.1", 1};
        for (int url = 0; url < 9; ++url) {
            const char* const pattern = url % 2 == 0 ? "/{id}" : "";
            node.urls.push_back(fmt::format("GET/service{}/{}{}", number, url, pattern));
        }
        node.urls.push_back(last);
        return node;
    };
    for (std::int64_t number = 0; number < state.range(0) / 10; ++number) {
        table.add(node_with(number, fmt::format("GET/last/{}/{{id}}", number)));
    }
    const node_info one = node_with(-1, "GET/one/{id}");
    const node_info other = node_with(-1, "GET/other/{id}");
    table.add(one);
    for (auto _ : state) {
        table.replace(one, other);
        table.replace(other, one);
    }
    state.SetItemsProcessed(2 * state.iterations());
}
BENCHMARK(route_change)->Arg(10)->Arg(1000)->Arg(100'000);

} // namespace
} // namespace msd::core
