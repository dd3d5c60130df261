// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "store/goods_repository.hpp"
#include "store/open.hpp"
#include "store_bench.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace msd::bench {

namespace {

constexpr int processes = 4;
constexpr int writers_each = 16;

struct told {
    std::int64_t written = 0;
    double longest_ms = 0;
};

asio::awaitable<void> write_until(store::goods_repository& goods, deadline end, told& into) {
    while (!end.passed()) {
        store::goods_fields fields;
        fields.name = "pencil";
        fields.category = "office";
        fields.description = "a pencil of the usual kind";
        const auto begun = clock::now();
        const auto added =
            co_await goods.add(std::move(fields), std::nullopt, deadline::in(milliseconds{30'000}));
        if (!added) {
            throw std::runtime_error{added.error().text};
        }
        ++into.written;
        const std::chrono::duration<double, std::milli> took = clock::now() - begun;
        into.longest_ms = std::max(into.longest_ms, took.count());
    }
}

asio::awaitable<void> write_all(std::string directory, std::chrono::seconds span, told& into) {
    store::store_settings settings;
    settings.executor = co_await asio::this_coro::executor;
    settings.data_dir = directory;
    auto opened = co_await store::open_goods(settings, deadline::in(milliseconds{30'000}));
    if (!opened) {
        throw std::runtime_error{opened.error().text};
    }
    const std::shared_ptr<store::goods_repository> goods = std::move(*opened);
    const auto end = deadline::in(span);
    for (int i = 0; i < writers_each; ++i) {
        // Each coroutine keeps the repository alive until it ends.
        auto task = write_until(*goods, end, into);
        asio::co_spawn(settings.executor, std::move(task), [goods](std::exception_ptr failed) {
            if (failed) {
                std::rethrow_exception(failed);
            }
        });
    }
}

told child_main(const std::string& directory, std::chrono::seconds span) {
    told all;
    asio::io_context loop{1};
    asio::co_spawn(loop, write_all(directory, span, all), [](std::exception_ptr failed) {
        if (failed) {
            std::rethrow_exception(failed);
        }
    });
    loop.run();
    return all;
}

// Each runs in a process of its own, so that no process with threads forks.
told run(const std::string& directory, int children, std::chrono::seconds span) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        throw std::runtime_error{"no pipe"};
    }
    const unique_fd reading{ends[0]};
    const unique_fd writing{ends[1]};
    for (int i = 0; i < children; ++i) {
        if (::fork() == 0) {
            try {
                const told own = child_main(directory, span);
                ::_exit(::write(writing.get(), &own, sizeof own) == sizeof own ? 0 : 1);
            } catch (const std::exception&) {
                ::_exit(1);
            }
        }
    }
    told sum;
    for (int i = 0; i < children; ++i) {
        int status = 0;
        told one;
        ::wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
            ::read(reading.get(), &one, sizeof one) != sizeof one) {
            throw std::runtime_error{"a writing process failed"};
        }
        sum.written += one.written;
        sum.longest_ms = std::max(sum.longest_ms, one.longest_ms);
    }
    return sum;
}

} // namespace

std::vector<figure> sqlite_writes(const std::string& directory, std::chrono::seconds each) {
    const auto one = run(directory + "/one", 1, each);
    const auto four = run(directory + "/four", processes, each);
    const auto seconds = static_cast<double>(each.count());
    const double alone = static_cast<double>(one.written) / seconds;
    const double together = static_cast<double>(four.written) / seconds;
    return {
        {"store sqlite durable inserts: 1 process", alone, "/s"},
        {"store sqlite durable inserts: 4 processes", together, "/s"},
        {"store sqlite 4 processes to 1", together / alone, ""},
        {"store sqlite 4 processes: longest wait", four.longest_ms, "ms"}};
}

} // namespace msd::bench
