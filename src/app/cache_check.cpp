// SPDX-License-Identifier: Apache-2.0
#include "app/cache_check.hpp"

#include "app/secret.hpp"
#include "base/log.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <utility>

namespace msd::app {

namespace {

constexpr milliseconds look_limit{5000};

store::redis::inspection inspect_now(store::redis::client_settings chosen) {
    asio::io_context loop{1};
    store::redis::inspection found;
    auto task =
        store::redis::inspect(loop.get_executor(), std::move(chosen), deadline::in(look_limit));
    asio::co_spawn(
        loop,
        std::move(task),
        [&found](const std::exception_ptr& failed, store::redis::inspection seen) {
            if (failed) {
                std::rethrow_exception(failed);
            }
            found = std::move(seen);
        }
    );
    loop.run();
    return found;
}

} // namespace

result<std::optional<store::redis::inspection>>
look_at_cache(const configuration& configured, const environment_lookup& look_up) {
    std::optional<store::redis::inspection> found;
    if (!configured.service.cache.wanted()) {
        return found;
    }
    auto password = cache_password(configured, look_up);
    if (!password) {
        return tl::unexpected{std::move(password.error())};
    }
    store::redis::client_settings chosen = configured.service.cache;
    chosen.password = std::move(*password);
    chosen.client_name = "msd-check";
    // The report shows the failures; the log would repeat them.
    log::settings quiet;
    quiet.threshold = log::level::off;
    log::configure(quiet);
    found = inspect_now(std::move(chosen));
    return found;
}

} // namespace msd::app
