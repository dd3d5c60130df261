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

} // namespace
} // namespace msd::core
