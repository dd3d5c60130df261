// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/redis_server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// Several redis-servers that work together.
namespace msd::test {

inline void require_eventually(const std::string& what, const std::function<bool()>& condition) {
    if (!eventually(condition)) {
        throw std::runtime_error{"waited in vain until " + what};
    }
}

// A master with a replica, and three sentinels that watch them under the name "main".
class redis_watched {
public:
    redis_watched() {
        for (auto& each : sentinels_) {
            redis_server::options chosen;
            chosen.sentinel = true;
            chosen.lines = {
                "sentinel monitor main 127.0.0.1 " + std::to_string(master.port()) + " 2",
                "sentinel down-after-milliseconds main 1000",
                "sentinel failover-timeout main 5000"};
            each = std::make_unique<redis_server>(std::move(chosen));
        }
        require_eventually("the sentinels know each other and the replica", [this] {
            for (const auto& each : sentinels_) {
                const auto colleagues = each->ask({"SENTINEL", "SENTINELS", "main"});
                const auto replicas = each->ask({"SENTINEL", "REPLICAS", "main"});
                if (colleagues.items.size() != 2 || replicas.items.size() != 1) {
                    return false;
                }
            }
            return replica.ask({"ROLE"}).items.at(3).text == "connected";
        });
    }

    [[nodiscard]] redis_server& sentinel(std::size_t number) { return *sentinels_[number]; }
    [[nodiscard]] std::string url() const {
        return "redis+sentinel://" + sentinels_[0]->address() + "," + sentinels_[1]->address() +
               "," + sentinels_[2]->address() + "/main";
    }

    redis_server master;
    redis_server replica{
        {.lines = {
             "replicaof 127.0.0.1 " + std::to_string(master.port()),
             "repl-diskless-sync-delay 0"}}};

private:
    std::unique_ptr<redis_server> sentinels_[3];
};

// A cluster of three masters.
class redis_cluster {
public:
    static constexpr std::size_t size = 3;

    explicit redis_cluster(bool full_coverage = false) {
        for (std::size_t i = 0; i < size; ++i) {
            redis_server::options chosen;
            chosen.lines = {
                "cluster-enabled yes",
                "cluster-node-timeout 3000",
                "cluster-port " + std::to_string(buses_[i].number()),
                std::string{"cluster-require-full-coverage "} + (full_coverage ? "yes" : "no")};
            nodes_[i] = std::make_unique<redis_server>(std::move(chosen));
        }
        constexpr std::size_t slots = 16'384;
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t first = slots * i / size;
            const std::size_t last = slots * (i + 1) / size - 1;
            node(i).ask({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
            node(i).ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
        }
        for (std::size_t i = 1; i < size; ++i) {
            node(0).ask(
                {"CLUSTER",
                 "MEET",
                 "127.0.0.1",
                 std::to_string(node(i).port()),
                 std::to_string(buses_[i].number())}
            );
        }
        require_eventually("the cluster is ready", [this] { return ready(); });
    }

    [[nodiscard]] bool ready() const {
        for (const auto& each : nodes_) {
            const bool is_ok =
                each->ask({"CLUSTER", "INFO"}).text.find("cluster_state:ok") != std::string::npos;
            if (!is_ok || each->ask({"CLUSTER", "SLOTS"}).items.size() != size) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] redis_server& node(std::size_t number) { return *nodes_[number]; }
    [[nodiscard]] std::string id(std::size_t number) {
        return node(number).ask({"CLUSTER", "MYID"}).text;
    }
    [[nodiscard]] static std::size_t owner_of(std::size_t slot) {
        constexpr std::size_t slots = 16'384;
        std::size_t owner = 0;
        while (slot >= slots * (owner + 1) / size) {
            ++owner;
        }
        return owner;
    }
    [[nodiscard]] std::string url() const {
        return "redis+cluster://" + nodes_[0]->address() + "," + nodes_[1]->address();
    }

private:
    reserved_port buses_[size];
    std::unique_ptr<redis_server> nodes_[size];
};

} // namespace msd::test
