// SPDX-License-Identifier: Apache-2.0
#include "services/goods_lookup.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <benchmark/benchmark.h>
#include <exception>
#include <string>
#include <string_view>

namespace msd::services {
namespace {

// Answers immediately, with a product for any id.
class ready_peer final : public peer_caller {
public:
    asio::awaitable<result<answer>>
    ask(std::string /*method*/,
        std::string /*uri*/,
        std::string params,
        deadline /*until*/) override {
        answer said;
        said.status = 200;
        said.msd = true;
        const std::string id = params.substr(6, params.size() - 7); // {"id":7}
        said.body = R"({"errorcode":0,"results":[{"id":)" + id +
                    R"(,"name":"pencil","category":"tests","price":4.15,"description":"d"}]})";
        co_return said;
    }
    [[nodiscard]] bool
    all_announce_changes(std::string_view /*method*/, std::string_view /*uri*/) override {
        return true;
    }
};

class null_announcer final : public change_announcer {
public:
    void announce_change(const wire::change& /*made*/) override {}
};

asio::awaitable<void> look_up(benchmark::State* state, goods_lookup* in) {
    const std::int64_t products = state->range(0);
    std::int64_t id = 0;
    for (auto _ : *state) {
        id = id % products + 1;
        const auto found = co_await in->find(id, deadline::never());
        if (!found || !found->price) {
            state->SkipWithError("a product was not found");
        }
    }
}

void lookup_in_memory(benchmark::State& state) {
    asio::io_context loop{1};
    ready_peer peer;
    null_announcer announcer;
    service_options settings;
    settings.memory.ttl = milliseconds{3'600'000};
    const service_context context{loop.get_executor(), settings, peer, announcer};
    goods_lookup lookup{context};
    asio::co_spawn(loop, look_up(&state, &lookup), [](const std::exception_ptr& broken) {
        if (broken) {
            std::rethrow_exception(broken);
        }
    });
    loop.run();
}
BENCHMARK(lookup_in_memory)->Arg(1)->Arg(10'000);

} // namespace
} // namespace msd::services
