// SPDX-License-Identifier: Apache-2.0
#include "core/configured_routes.hpp"
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

// Routes of a configuration: exact paths, patterns and prefixes, in three trees of hosts.
std::vector<route_settings> configured(std::int64_t count) {
    std::vector<route_settings> written;
    for (std::int64_t number = 0; number < count; ++number) {
        route_settings& made = written.emplace_back();
        made.path = fmt::format("/service{}", number);
        made.path += number % 3 == 0 ? "/" : number % 3 == 1 ? "/items/{id}" : "/status";
        made.service = "service";
        if (number % 5 == 0) {
            made.hosts = {"shop.example", "*.shop.example"};
        }
    }
    return written;
}

std::string request_for(std::int64_t number) {
    const char* const rest = number % 3 == 0 ? "/x/y" : number % 3 == 1 ? "/items/17" : "/status";
    return fmt::format("/service{}{}", number, rest);
}

// As a request does it: reads the path, then looks it up. `spread` requests in turn, for routes all
// over the table; in a table of any size they are of the same kinds.
void configured_find(benchmark::State& state, std::int64_t spread) {
    const auto table = configured_routes::compile(configured(state.range(0)));
    std::vector<std::string> paths;
    for (std::int64_t number = 0; number < spread; ++number) {
        constexpr std::int64_t kinds = 15; // of path and host together
        const std::int64_t gap = number * (state.range(0) / spread - 1) / kinds * kinds;
        paths.push_back(request_for(number + gap));
    }
    std::size_t next = 0;
    for (auto _ : state) {
        const auto path = request_path::read(paths[next]);
        const auto found = (*table)->find("GET", "www.shop.example", *path);
        if (found.route == nullptr) {
            state.SkipWithError("the lookup finds nothing");
            break;
        }
        next = next + 1 == paths.size() ? 0 : next + 1;
    }
}
BENCHMARK_CAPTURE(configured_find, ten_paths, 10)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(configured_find, thousand_paths, 1000)->Arg(1000)->Arg(10'000);

void configured_compile(benchmark::State& state) {
    const auto written = configured(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(configured_routes::compile(written));
    }
}
BENCHMARK(configured_compile)->Arg(10)->Arg(10'000)->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace msd::core
