// SPDX-License-Identifier: Apache-2.0
#include "app/configuration.hpp"

#include "app/route_flag.hpp"
#include "base/owned_files.hpp"
#include "core/configured_routes.hpp"
#include "upstream/programs.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace msd::app {

namespace {

// A mistake in a route of a file gets the full name of its key, as other mistakes have it.
error with_full_key(error why, const std::vector<core::route_settings>& routes) {
    const auto refused = std::ranges::find_if(routes, [&why](const core::route_settings& each) {
        return why.text.starts_with(each.source + ": ");
    });
    if (refused != routes.end() && refused->source != route_flag_source) {
        why.text.insert(refused->source.size() + 2, "gateway.routes.");
    }
    return why;
}

} // namespace

result<void> check_together(const configuration& made) {
    const milliseconds every = made.supervision.heartbeat_every;
    const milliseconds timeout = made.supervision.heartbeat_timeout;
    if (timeout < 3 * every) {
        return fail(
            errc::invalid,
            fmt::format(
                "supervision.heartbeat_timeout_ms = {} is less than three times "
                "supervision.heartbeat_every_ms = {}: workers in good health would be killed",
                timeout.count(),
                every.count()
            )
        );
    }
    if (made.limits_in_redis && made.cache_url.empty()) {
        return fail(errc::invalid, "gateway.limit_store = \"redis\" needs cache.url");
    }
    const auto compiled = core::configured_routes::compile(made.gateway.routes);
    if (!compiled) {
        return tl::unexpected{with_full_key(compiled.error(), made.gateway.routes)};
    }
    return {};
}

registry::distributor_settings distributor_of(const configuration& from) {
    registry::distributor_settings settings = from.distributor;
    settings.packets = from.packets;
    settings.secrets = from.membership.secrets;
    settings.advertise_host = from.membership.advertise_host;
    return settings;
}

gateway::gateway_settings gateway_of(const configuration& from) {
    gateway::gateway_settings settings = from.gateway;
    settings.membership = from.membership;
    settings.upstream = from.upstream;
    settings.upstream.zone = from.membership.zone;
    settings.upstream.secrets = from.membership.secrets;
    settings.upstream.packets = from.packets;
    return settings;
}

host::service_settings service_of(const configuration& from, std::string_view name) {
    host::service_settings settings = from.service;
    settings.name = name;
    settings.membership = from.membership;
    settings.upstream = from.upstream;
    settings.upstream.zone = from.membership.zone;
    settings.upstream.secrets = from.membership.secrets;
    settings.upstream.packets = from.packets;
    settings.packets = from.packets;
    settings.policies = upstream::policies_of(from.gateway.programs);
    settings.foreign_allowed = from.distributor.foreign_allowed;
    settings.data_dir = from.data_dir;
    settings.shared.negative_ttl = settings.memory.negative_ttl;
    if (!settings.store.replicas.empty()) {
        settings.shared.owner_behind = settings.store.replica_lag_max;
    }
    return settings;
}

std::filesystem::path runtime_dir_of(const configuration& from) {
    if (!from.runtime_dir.empty()) {
        return from.runtime_dir;
    }
    if (geteuid() == 0) {
        return "/run/msd";
    }
    const char* const xdg = std::getenv("XDG_RUNTIME_DIR"); // NOLINT(concurrency-mt-unsafe)
    if (xdg != nullptr && xdg[0] == '/') {
        return std::filesystem::path{xdg} / "msd";
    }
    return from.data_dir / "run";
}

std::vector<std::filesystem::path> runtime_dirs_to_search(const configuration& from) {
    std::vector<std::filesystem::path> all{std::filesystem::absolute(runtime_dir_of(from))};
    if (!from.runtime_dir.empty() || geteuid() == 0) {
        // Root does not look into directories that other users may have prepared.
        return all;
    }
    const std::filesystem::path others[] = {
        std::filesystem::path{"/run/user"} / std::to_string(geteuid()) / "msd",
        std::filesystem::absolute(from.data_dir / "run"),
        "/run/msd"};
    for (const std::filesystem::path& each : others) {
        if (std::find(all.begin(), all.end(), each) == all.end()) {
            all.push_back(each);
        }
    }
    // The data directory may be one that another user has prepared in the working directory.
    std::erase_if(all, [in_data = others[1]](const std::filesystem::path& each) {
        const auto checked = open_checked_directory(each, directory_use::own);
        return each == in_data && !checked && checked.error().code == errc::denied;
    });
    return all;
}

} // namespace msd::app
