// SPDX-License-Identifier: Apache-2.0
#include "store/goods_repository.hpp"
#include "store/mysql/server_address.hpp"
#include "store/open.hpp"
#include "store_bench.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

namespace msd::bench {

namespace {

constexpr int rows = 1000;
constexpr int rounds = 3;
constexpr auto read_one =
    "SELECT id, name, category, price_e4, description FROM goods WHERE id = ?";

std::int64_t row_of(std::int64_t n) {
    return n % rows + 1;
}

class peers {
public:
    explicit peers(const store::mysql::server_address& at) {
        options_["hostName"] = sql::SQLString{"tcp://" + at.host + ":" + std::to_string(at.port)};
        options_["userName"] = sql::SQLString{at.user};
        options_["password"] = sql::SQLString{at.password};
        options_["schema"] = sql::SQLString{at.database};
        options_["OPT_CHARSET_NAME"] = sql::SQLString{"utf8mb4"};
    }

    [[nodiscard]] std::unique_ptr<sql::Connection> connect() const {
        auto options = options_;
        return std::unique_ptr<sql::Connection>{get_driver_instance()->connect(options)};
    }

    static void read(sql::PreparedStatement& statement, std::int64_t id) {
        statement.setInt64(1, id);
        const std::unique_ptr<sql::ResultSet> found{statement.executeQuery()};
        if (!found->next() || found->getInt64(1) != id) {
            throw std::runtime_error{"a row is missing"};
        }
        for (std::uint32_t column = 2; column <= 5; ++column) {
            static_cast<void>(found->getString(column));
        }
    }

private:
    sql::ConnectOptionsMap options_;
};

double per_second(
    int threads,
    std::chrono::milliseconds span,
    const std::function<void(const std::atomic<bool>& stop, std::atomic<std::int64_t>& done)>& work
) {
    std::atomic<bool> stop{false};
    std::atomic<std::int64_t> done{0};
    std::vector<std::thread> all;
    const auto begun = clock::now();
    for (int i = 0; i < threads; ++i) {
        all.emplace_back([&] { work(stop, done); });
    }
    std::this_thread::sleep_for(span);
    stop = true;
    for (auto& one : all) {
        one.join();
    }
    return static_cast<double>(done.load()) /
           std::chrono::duration<double>(clock::now() - begun).count();
}

asio::awaitable<void>
read_until(store::goods_repository& goods, deadline end, std::int64_t& done, int& running) {
    while (!end.passed()) {
        const auto row = co_await goods.find(row_of(done), deadline::in(milliseconds{5000}));
        if (!row) {
            throw std::runtime_error{row.error().text};
        }
        ++done;
    }
    --running;
}

double pooled(
    asio::io_context& loop,
    store::goods_repository& goods,
    int readers,
    std::chrono::milliseconds span
) {
    std::int64_t done = 0;
    int running = readers;
    const auto begun = clock::now();
    const deadline end{begun + span};
    for (int i = 0; i < readers; ++i) {
        asio::co_spawn(loop, read_until(goods, end, done, running), [](std::exception_ptr failed) {
            if (failed) {
                std::rethrow_exception(failed);
            }
        });
    }
    while (running > 0) {
        loop.restart();
        loop.run_one();
    }
    return static_cast<double>(done) / std::chrono::duration<double>(clock::now() - begun).count();
}

template <class T>
T wait(asio::io_context& loop, asio::awaitable<T> task) {
    std::optional<T> outcome;
    asio::co_spawn(loop, std::move(task), [&](std::exception_ptr failed, T value) {
        if (failed) {
            std::rethrow_exception(failed);
        }
        outcome.emplace(std::move(value));
    });
    while (!outcome) {
        loop.restart();
        loop.run_one();
    }
    return std::move(*outcome);
}

} // namespace

std::vector<figure>
mysql_reads(const std::string& url, const std::string& password, std::chrono::seconds each) {
    asio::io_context loop{1};
    store::store_settings settings;
    settings.executor = loop.get_executor();
    settings.server.url = url;
    settings.server.password = password;
    const auto known = store::mysql::addresses_of(settings.server);
    const int connections = settings.server.connections_max;
    auto opened = wait(loop, store::open_goods(settings, deadline::in(milliseconds{30'000})));
    if (!known || !opened) {
        throw std::runtime_error{"no store"};
    }
    auto& goods = **opened;
    for (int i = 0; i < rows; ++i) {
        store::goods_fields fields;
        fields.name = "pencil " + std::to_string(i);
        fields.category = "office";
        fields.description = "a pencil of the usual kind";
        const auto added =
            wait(loop, goods.add(fields, std::nullopt, deadline::in(milliseconds{30'000})));
        if (!added) {
            throw std::runtime_error{added.error().text};
        }
    }
    const peers others{known->at.front()};
    const std::chrono::milliseconds span = std::chrono::milliseconds{each} / rounds;
    double bare = 0;
    double connecting = 0;
    double through_pool = 0;
    for (int round = 0; round < rounds; ++round) {
        bare += per_second(connections, span, [&](const auto& stop, auto& done) {
            const auto on = others.connect();
            const std::unique_ptr<sql::PreparedStatement> kept{on->prepareStatement(read_one)};
            while (!stop) {
                peers::read(*kept, row_of(done++));
            }
        });
        through_pool += pooled(loop, goods, 2 * connections, span);
        connecting += per_second(connections, span, [&](const auto& stop, auto& done) {
            while (!stop) {
                const auto on = others.connect();
                const std::unique_ptr<sql::PreparedStatement> once{on->prepareStatement(read_one)};
                peers::read(*once, row_of(done++));
            }
        });
    }
    return {
        {"store mariadb read by id: pool", through_pool / rounds, "/s"},
        {"store mariadb read by id: bare loop", bare / rounds, "/s"},
        {"store mariadb read by id: connection each", connecting / rounds, "/s"},
        {"store mariadb pool to bare loop", through_pool / bare, ""},
        {"store mariadb pool to connection each", through_pool / connecting, ""}};
}

} // namespace msd::bench
