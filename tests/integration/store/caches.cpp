// SPDX-License-Identifier: Apache-2.0
#include "integration/store/caches.hpp"

#include "integration/store/redis_server.hpp"
#include "store/memory_cache.hpp"
#include "store/redis/shared_cache.hpp"

#include <stdexcept>

namespace msd::test {

namespace {

class memory final : public cache_under_test {
public:
    std::unique_ptr<store::cache> open(loop& /*on*/, cache_times times) override {
        store::memory_cache_settings chosen;
        chosen.ttl = times.ttl;
        chosen.negative_ttl = times.negative_ttl;
        return std::make_unique<store::memory_cache>(chosen);
    }
};

class redis final : public cache_under_test {
public:
    std::unique_ptr<store::cache> open(loop& on, cache_times times) override {
        auto server = store::redis::client_settings{};
        server.where = store::redis::parse_url(server_.url()).value();
        server.timeout = milliseconds{2000}; // the machine may be busy
        const store::redis::shared_cache_settings chosen{times.ttl, times.negative_ttl};
        auto opened = store::redis::open_shared_cache(on.executor(), server, chosen);
        if (!opened) {
            throw std::runtime_error{opened.error().text};
        }
        auto ready = [&opened] {
            std::string text;
            json::writer out{text};
            out.begin_object();
            (*opened)->write_figures(out);
            out.end_object();
            return text.find("\"usable\":true") != std::string::npos;
        };
        on.run_until(ready);
        return std::move(*opened);
    }

private:
    redis_server server_;
};

} // namespace

std::vector<cache_kind> all_caches() {
    return {
        {"memory",
         []() -> std::unique_ptr<cache_under_test> {
             return std::make_unique<memory>();
         }},
        {"redis", []() -> std::unique_ptr<cache_under_test> {
             return std::make_unique<redis>();
         }}};
}

} // namespace msd::test
