// SPDX-License-Identifier: Apache-2.0
#include "store/redis/settings.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace msd::store::redis {

namespace {

constexpr std::uint16_t port_default = 6379;
constexpr std::uint16_t sentinel_port_default = 26379;
constexpr int database_max = 16'383; // the most that a server can be configured with
constexpr std::size_t addresses_max = 64;

constexpr std::string_view forms = "redis://HOST:PORT[/DATABASE], redis+sentinel://HOST:PORT,…/NAME"
                                   "[/DATABASE] or redis+cluster://HOST:PORT,…, with rediss for "
                                   "TLS";

struct scheme {
    std::string_view name;
    arrangement kind;
    bool tls;
};

constexpr scheme schemes[] = {
    {"redis", arrangement::single, false},
    {"rediss", arrangement::single, true},
    {"redis+sentinel", arrangement::sentinel, false},
    {"rediss+sentinel", arrangement::sentinel, true},
    {"redis+cluster", arrangement::cluster, false},
    {"rediss+cluster", arrangement::cluster, true},
};

tl::unexpected<error> wrong(std::string text) {
    return fail(errc::invalid, std::move(text));
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number read = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, failure] = std::from_chars(text.data(), end, read);
    const bool whole = !text.empty() && failure == std::errc{} && stopped == end;
    return whole ? std::optional{read} : std::nullopt;
}

// Takes the text before `mark`, and the mark; without a mark, the whole text.
std::string_view take_until(std::string_view& text, char mark) {
    const auto at = text.find(mark);
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return taken;
}

result<address> address_of(std::string_view text, std::uint16_t port) {
    const std::string shown{text};
    std::string_view rest = text;
    address read;
    if (rest.starts_with('[')) {
        rest.remove_prefix(1);
        read.host = take_until(rest, ']');
        if (!rest.empty() && !rest.starts_with(':')) {
            return wrong("\"" + shown + "\" is not [ADDRESS]:PORT");
        }
    } else {
        read.host = rest.substr(0, rest.find(':'));
        rest.remove_prefix(read.host.size());
    }
    if (read.host.empty()) {
        return wrong("an address lacks its host; write " + std::string{forms});
    }
    read.port = port;
    if (!rest.empty()) {
        const auto said = number_of<std::uint16_t>(rest.substr(1));
        if (!said || *said == 0) {
            return wrong("\"" + shown + "\" is not HOST:PORT");
        }
        read.port = *said;
    }
    return read;
}

result<void> take_addresses(server_url& into, std::string_view list) {
    const bool sentinels = into.kind == arrangement::sentinel;
    const std::uint16_t port = sentinels ? sentinel_port_default : port_default;
    do {
        auto each = address_of(take_until(list, ','), port);
        if (!each) {
            return tl::unexpected{std::move(each.error())};
        }
        into.addresses.push_back(std::move(*each));
    } while (!list.empty());
    if (into.kind == arrangement::single && into.addresses.size() > 1) {
        return wrong("several addresses need redis+sentinel:// or redis+cluster://");
    }
    if (into.addresses.size() > addresses_max) {
        return wrong("more than " + std::to_string(addresses_max) + " addresses");
    }
    return {};
}

result<void> take_path(server_url& into, std::string_view path) {
    if (into.kind == arrangement::sentinel) {
        into.master = take_until(path, '/');
        if (into.master.empty()) {
            return wrong("the name of the master is missing: redis+sentinel://HOST:PORT,…/NAME");
        }
    }
    if (path.empty()) {
        return {};
    }
    const auto database = number_of<int>(path);
    if (!database || *database < 0 || *database > database_max) {
        return wrong("\"" + std::string{path} + "\" is not the number of a database");
    }
    if (into.kind == arrangement::cluster && *database != 0) {
        return wrong("a cluster has database 0 only");
    }
    into.database = *database;
    return {};
}

} // namespace

std::string server_url::text() const {
    const auto* const named =
        std::find_if(std::begin(schemes), std::end(schemes), [this](const scheme& each) {
            return each.kind == kind && each.tls == tls;
        });
    std::string made{named->name};
    made += "://";
    for (const address& each : addresses) {
        made += (&each == &addresses.front() ? "" : ",") + each.text();
    }
    made += kind == arrangement::sentinel ? "/" + master : "";
    made += database != 0 ? "/" + std::to_string(database) : "";
    return made;
}

result<server_url> parse_url(std::string_view text) {
    constexpr std::string_view mark = "://";
    const auto end = text.find(mark);
    const auto* const named =
        std::find_if(std::begin(schemes), std::end(schemes), [&](const scheme& each) {
            return each.name == text.substr(0, end);
        });
    if (end == std::string_view::npos || named == std::end(schemes)) {
        return wrong("not the URL of a Redis server: write " + std::string{forms});
    }
    server_url read;
    read.kind = named->kind;
    read.tls = named->tls;
    std::string_view path = text.substr(end + mark.size());
    // A password may contain an @: the last one ends it.
    if (const auto at = path.rfind('@'); at != std::string_view::npos) {
        read.user = path.substr(0, at);
        path.remove_prefix(at + 1);
        if (read.user.find(':') != std::string::npos) {
            return wrong("contains a password, which other users can read on command lines and in "
                         "configuration files: use cache.password_file or MSD_CACHE_PASSWORD");
        }
    }
    const std::string_view list = take_until(path, '/');
    if (const auto taken = take_addresses(read, list); !taken) {
        return tl::unexpected{taken.error()};
    }
    if (const auto taken = take_path(read, path); !taken) {
        return tl::unexpected{taken.error()};
    }
    return read;
}

} // namespace msd::store::redis
