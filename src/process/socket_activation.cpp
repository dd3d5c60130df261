// SPDX-License-Identifier: Apache-2.0
#include "process/socket_activation.hpp"

#include "process/worker_description.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

namespace msd::process {

namespace {

constexpr int first_descriptor = 3;
constexpr std::int64_t descriptors_max = 256;
// The name that systemd gives to a descriptor without a name.
constexpr std::string_view unnamed = "unknown";
constexpr std::string_view stored_prefix = "stored/";

struct variables {
    std::string pid;
    std::string count;
    std::string names;
};

std::string take(const char* name) {
    const char* const text = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    std::string value = text == nullptr ? "" : text;
    unsetenv(name); // NOLINT(concurrency-mt-unsafe)
    return value;
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t read = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), text.data() + text.size(), read);
    return reason == std::errc{} && stopped == end ? std::optional{read} : std::nullopt;
}

// Names of the first `count` descriptors; a descriptor without a name is `unnamed`.
std::vector<std::string> split_names(std::string_view text, std::size_t count) {
    std::vector<std::string> names(count, std::string{unnamed});
    for (std::size_t index = 0; index < count && !text.empty(); ++index) {
        const auto end = text.find(':');
        if (const std::string_view name = text.substr(0, end); !name.empty()) {
            names[index] = name;
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return names;
}

int option(int fd, int which) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

// What the descriptor is when it is not a listening TCP socket; empty when it is.
std::string_view fault_of(int fd) {
    if (fcntl(fd, F_GETFD) < 0) {
        return "not open";
    }
    const int domain = option(fd, SO_DOMAIN);
    if (domain < 0) {
        return "not a socket";
    }
    if (domain != AF_INET && domain != AF_INET6) {
        return domain == AF_UNIX ? "a UNIX socket" : "a socket of another family";
    }
    if (option(fd, SO_TYPE) != SOCK_STREAM) {
        return "a datagram socket";
    }
    return option(fd, SO_ACCEPTCONN) == 1 ? "" : "a socket that does not listen";
}

// "msd-service@goods.socket" is for goods, "msd-gateway.socket" and "gateway" are for gateway.
std::string_view pool_meant_by(std::string_view name) {
    constexpr std::string_view suffix = ".socket";
    if (!name.ends_with(suffix)) {
        return name;
    }
    name.remove_suffix(suffix.size());
    for (const std::string_view prefix : {"msd-service@", "msd-"}) {
        if (name.starts_with(prefix)) {
            return name.substr(prefix.size());
        }
    }
    return name;
}

// The number of descriptors for this process; 0: none.
result<std::size_t> count_of(const variables& said) {
    if (said.count.empty() || said.pid.empty()) {
        return 0;
    }
    const auto pid = number(said.pid);
    if (!pid) {
        return fail(errc::invalid, fmt::format("LISTEN_PID: '{}' is not a number", said.pid));
    }
    if (*pid != getpid()) {
        return 0;
    }
    const auto count = number(said.count);
    if (!count || *count < 0 || *count > descriptors_max) {
        return fail(
            errc::invalid,
            fmt::format("LISTEN_FDS: '{}' is not between 0 and {}", said.count, descriptors_max)
        );
    }
    return static_cast<std::size_t>(*count);
}

// The pool that descriptor `fd`, which a .socket unit named `name`, is for.
result<std::string>
pool_for(int fd, const std::string& name, const std::vector<std::string>& pools) {
    if (const std::string_view fault = fault_of(fd); !fault.empty()) {
        return fail(
            errc::invalid,
            fmt::format(
                "descriptor {} ({}) of LISTEN_FDS is {}; it has to be a listening TCP socket: give "
                "its "
                ".socket unit ListenStream=PORT and Accept=no",
                fd,
                name,
                fault
            )
        );
    }
    const bool is_only = pools.size() == 1 && name == unnamed;
    std::string pool{is_only ? pools.front() : pool_meant_by(name)};
    if (std::find(pools.begin(), pools.end(), pool) == pools.end()) {
        return fail(
            errc::invalid,
            fmt::format(
                "descriptor {} of LISTEN_FDS is named '{}', but there is no such pool; give its "
                ".socket unit FileDescriptorName= one of: {}",
                fd,
                name,
                fmt::join(pools, ", ")
            )
        );
    }
    return pool;
}

} // namespace

result<handed_sockets> take_handed_sockets(const std::vector<std::string>& pools) {
    const variables said{take("LISTEN_PID"), take("LISTEN_FDS"), take("LISTEN_FDNAMES")};
    const auto count = count_of(said);
    if (!count) {
        return tl::unexpected{count.error()};
    }
    const std::vector<std::string> names = split_names(said.names, *count);
    handed_sockets handed;
    std::map<std::string, std::vector<unique_fd>> activated;
    for (std::size_t index = 0; index < *count; ++index) {
        const int fd = first_descriptor + static_cast<int>(index);
        const std::string& name = names[index];
        if (name.starts_with(stored_prefix)) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            handed.stored[name.substr(stored_prefix.size())].emplace_back(fd);
            continue;
        }
        auto pool = pool_for(fd, name, pools);
        if (!pool) {
            return tl::unexpected{std::move(pool.error())};
        }
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        activated[*pool].emplace_back(fd);
    }
    for (auto& [pool, sockets] : activated) {
        if (sockets.size() > listeners_max) {
            return fail(
                errc::invalid,
                fmt::format(
                    "{}: {} sockets of LISTEN_FDS, at most {}",
                    pool,
                    sockets.size(),
                    listeners_max
                )
            );
        }
        handed.activated.emplace(pool, adopt(std::move(sockets)));
    }
    return handed;
}

std::string stored_name(std::string_view pool) {
    return fmt::format("{}{}", stored_prefix, pool);
}

} // namespace msd::process
