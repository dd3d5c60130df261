// SPDX-License-Identifier: Apache-2.0
#include "app/configuration.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <utility>

namespace msd::app {

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
    return {};
}

roles::distributor_settings distributor_of(const configuration& from) {
    roles::distributor_settings settings = from.distributor;
    settings.packets = from.packets;
    return settings;
}

roles::gateway_settings gateway_of(const configuration& from) {
    roles::gateway_settings settings = from.gateway;
    settings.membership = from.membership;
    settings.upstream = from.upstream;
    settings.upstream.packets = from.packets;
    return settings;
}

roles::service_settings service_of(const configuration& from, std::string_view name) {
    roles::service_settings settings = from.service;
    settings.name = name;
    settings.membership = from.membership;
    settings.upstream = from.upstream;
    settings.upstream.packets = from.packets;
    settings.packets = from.packets;
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

result<host_and_port> parse_endpoint(std::string_view text, endpoint_port port) {
    host_and_port read;
    std::string_view port_text;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) {
            return fail(errc::invalid, fmt::format("\"{}\" lacks a ']'", text));
        }
        const std::string_view rest = text.substr(end + 1);
        has_port = rest.starts_with(':');
        port_text = has_port ? rest.substr(1) : rest;
        auto address = process::plain_ipv6(text.substr(1, end - 1));
        if (!address) {
            return fail(errc::invalid, fmt::format("\"{}\": no IPv6 address in brackets", text));
        }
        read.host = std::move(*address);
    } else {
        const auto colon = text.find(':');
        has_port = colon != std::string_view::npos;
        read.host = text.substr(0, colon);
        port_text = has_port ? text.substr(colon + 1) : "";
        if (port_text.find(':') != std::string_view::npos) {
            return fail(errc::invalid, fmt::format("\"{}\": write [ADDRESS]:PORT for IPv6", text));
        }
    }
    const char* const end = port_text.data() + port_text.size();
    const auto [stopped, reason] =
        std::from_chars(port_text.data(), port_text.data() + port_text.size(), read.port);
    const bool port_good = has_port && reason == std::errc{} && stopped == end && read.port > 0;
    const bool port_absent = !has_port && port_text.empty();
    if (read.host.empty() || (!port_good && !(port_absent && port == endpoint_port::optional))) {
        return fail(
            errc::invalid,
            fmt::format(
                "\"{}\" is not {}",
                text,
                port == endpoint_port::optional ? "HOST or HOST:PORT" : "HOST:PORT"
            )
        );
    }
    return read;
}

std::string endpoint_text(const host_and_port& of) {
    if (of.port != 0) {
        return process::endpoint_text(of.host, of.port);
    }
    return of.host.find(':') == std::string::npos ? of.host : fmt::format("[{}]", of.host);
}

} // namespace msd::app
