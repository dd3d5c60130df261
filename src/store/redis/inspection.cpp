// SPDX-License-Identifier: Apache-2.0
#include "store/redis/inspection.hpp"

#include "store/redis/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

namespace msd::store::redis {

namespace {

constexpr int pings = 5;

// Advice for a server that cannot be used, chosen by the texts of msd's and Redis' errors.
struct remedy {
    std::string_view symptom;
    std::string_view cure;
};

constexpr remedy remedies[] = {
    {"NOAUTH", "the server requires a password: set cache.password_file or MSD_CACHE_PASSWORD"},
    {"WRONGPASS", "check cache.password_file or MSD_CACHE_PASSWORD, and the user in cache.url"},
    {"without any password configured", "the server has no password: remove cache.password_file"},
    {"NOPERM", "the user in cache.url needs more permissions on the server"},
    {"DENIED", "the server runs in protected mode: set its requirepass or bind"},
    {"certificate is refused", "check cache.tls_ca and cache.tls_name"},
    {"TLS handshake", "if the server does not use TLS, write redis:// instead of rediss://"},
    {"sent no reply", "this is not a Redis server, or it requires TLS: then write rediss://"},
    {"ended", "see the server's log for the reason; if the server requires TLS, write rediss://"},
    {"is a replica", "name the master, or its sentinels with redis+sentinel://"},
    {"cluster support disabled", "the server is not a cluster: write redis://"},
    {"refused", "check that Redis runs there and listens on that address"},
    {"cannot resolve", "check the host name in cache.url"},
    {"knows no master", "check the name of the master in cache.url"},
    {"did not answer", "the server hangs, or cache.timeout_ms is too short"},
    {"too long", "check the address, and that no firewall drops the packets"},
};

std::string with_remedy(std::string trouble) {
    const auto* const found =
        std::find_if(std::begin(remedies), std::end(remedies), [&trouble](const remedy& each) {
            return trouble.find(each.symptom) != std::string::npos;
        });
    if (found != std::end(remedies)) {
        trouble.append("; ").append(found->cure);
    }
    return trouble;
}

// The value of one line "NAME:VALUE" in the reply to INFO.
std::string_view field_of(std::string_view info, std::string_view name) {
    while (!info.empty()) {
        const std::string_view line = info.substr(0, info.find("\r\n"));
        info.remove_prefix(std::min(info.size(), line.size() + 2));
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

void judge_memory(std::string_view info, inspection& into) {
    const std::string_view bytes = field_of(info, "maxmemory");
    const std::string_view policy = field_of(info, "maxmemory_policy");
    if (bytes.empty()) {
        return; // the server does not report it
    }
    const bool is_bounded = bytes != "0";
    const std::string_view shown = field_of(info, "maxmemory_human");
    into.facts.emplace_back(
        "maxmemory",
        is_bounded ? fmt::format("{}, {}", shown, policy) : "unlimited"
    );
    if (!is_bounded) {
        into.advice.emplace_back(
            "it may use all memory of the machine: set maxmemory, and maxmemory-policy "
            "allkeys-lru"
        );
    } else if (policy == "noeviction") {
        into.advice.emplace_back(
            "when it is full, it stores no new entries: set maxmemory-policy allkeys-lru"
        );
    }
}

void judge_secrecy(const client_settings& chosen, inspection& into) {
    into.facts.emplace_back("TLS", chosen.where.tls ? "verified" : "no");
    const auto is_far = [](const address& each) {
        return !each.host.starts_with("127.") && each.host != "::1" && each.host != "localhost";
    };
    const auto& all = chosen.where.addresses;
    if (!chosen.where.tls && std::any_of(all.begin(), all.end(), is_far)) {
        into.advice.emplace_back(
            chosen.password.empty()
                ? "cached data can be read and changed on the network: use rediss://"
                : "the password can be read on the network: use rediss://"
        );
    }
}

asio::awaitable<void>
measure(client* server, const client_settings* chosen, inspection* into, deadline until) {
    using microseconds = std::chrono::duration<double, std::milli>;
    std::array<double, pings> took{};
    for (double& each : took) {
        auto ping = command::keyless("PING");
        const time_point began = clock::now();
        const auto answered = co_await server->execute(std::move(ping), until);
        if (!answered) {
            into->advice.push_back(with_remedy(answered.error().text));
            co_return;
        }
        each = microseconds{clock::now() - began}.count();
    }
    std::sort(took.begin(), took.end());
    const double median = took[pings / 2];
    into->facts.emplace_back("latency", fmt::format("{:.2f} ms", median));
    if (median > static_cast<double>(chosen->timeout.count()) / 2) {
        into->advice.push_back(fmt::format(
            "a reply takes more than half of cache.timeout_ms ({}): raise it",
            chosen->timeout.count()
        ));
    }
    into->works = true;
}

asio::awaitable<void> look_around(client* server, inspection* into, deadline until) {
    for (const std::string_view section : {"server", "replication", "memory"}) {
        auto ask = command::keyless("INFO", section);
        const auto answer = co_await server->execute(std::move(ask), until);
        if (!answer) {
            into->advice.push_back("the server refuses INFO: " + answer.error().text);
            co_return;
        }
        if (section == "memory") {
            judge_memory(answer->text, *into);
            continue;
        }
        const std::string_view name = section == "server" ? "redis_version" : "role";
        const std::string_view value = field_of(answer->text, name);
        into->facts.emplace_back(section == "server" ? "version" : "role", value);
    }
}

} // namespace

asio::awaitable<inspection>
inspect(asio::any_io_executor executor, client_settings chosen, deadline until) {
    inspection made;
    auto opened = open(executor, chosen);
    if (!opened) {
        made.advice.push_back(std::move(opened.error().text));
        co_return made;
    }
    const std::unique_ptr<client> server = std::move(*opened);
    const bool is_usable = co_await server->became_usable(until);
    if (is_usable) {
        judge_secrecy(chosen, made);
        co_await measure(server.get(), &chosen, &made, until);
        co_await look_around(server.get(), &made, until);
    } else {
        made.advice.push_back(with_remedy(server->trouble()));
    }
    co_await server->stop();
    co_return made;
}

} // namespace msd::store::redis
