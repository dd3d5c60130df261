// SPDX-License-Identifier: Apache-2.0
#include "integration/store/galera_cluster.hpp"

#include <stdexcept>

namespace msd::test {

namespace {

constexpr milliseconds join_limit{120'000};
constexpr const char* provider = "/usr/lib/galera/libgalera_smm.so";
constexpr const char* first_of_all = "--wsrep-new-cluster";

std::string local(const reserved_port& port) {
    return "127.0.0.1:" + std::to_string(port.number());
}

} // namespace

// A node that has never been in the cluster copies all data of another node, which takes many
// programs. A node that starts with the same data only needs an incremental transfer.
galera_cluster::galera_cluster() {
    if (!std::filesystem::exists(provider)) {
        throw std::runtime_error{"there is no Galera: install the Debian package galera-4, or "
                                 "everything the tests need with scripts/setup --tests"};
    }
    for (std::size_t i = 0; i < size; ++i) {
        nodes_[i].server = std::make_unique<mariadb_server>(settings_of(i));
    }
    node(0).start({first_of_all});
    wait_in_step(0);
    node(0).stop();
    for (std::size_t i = 1; i < size; ++i) {
        node(i).copy_data(node(0));
        std::filesystem::remove(node(i).data() / "galera.cache");
    }
    node(0).start({first_of_all});
    wait_in_step(0);
    for (std::size_t i = 1; i < size; ++i) {
        rejoin(i);
    }
}

mariadb_settings galera_cluster::settings_of(std::size_t index) const {
    std::string addresses;
    for (const auto& each : nodes_) {
        addresses += (addresses.empty() ? "gcomm://" : ",") + local(each.group);
    }
    const auto& own = nodes_[index];
    mariadb_settings made;
    // As root, the rsync of a snapshot would run as nobody, without access to the data.
    made.as_nobody = true;
    made.started = false;
    made.options = {
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
        "--wsrep-on=ON",
        std::string{"--wsrep-provider="} + provider,
        "--wsrep-cluster-name=msd-test",
        "--wsrep-cluster-address=" + addresses,
        "--wsrep-node-name=node" + std::to_string(index),
        "--wsrep-node-address=127.0.0.1",
        "--wsrep-sst-method=rsync",
        "--wsrep-sst-receive-address=" + local(own.snapshot),
        "--wsrep-provider-options=gcache.size=16M;gmcast.listen_addr=tcp://" + local(own.group) +
            ";ist.recv_addr=" + local(own.changes)};
    return made;
}

void galera_cluster::rejoin(std::size_t index) {
    node(index).start();
    wait_in_step(index);
}

bool galera_cluster::in_step(std::size_t index) {
    const auto state = node(index).query(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state_comment')"
    );
    return state.size() == 2 && state[0].at(1) == "Synced" && state[1].at(1) == "ON";
}

void galera_cluster::wait_in_step(std::size_t index) {
    if (!eventually([this, index] { return in_step(index); }, join_limit)) {
        throw std::runtime_error{
            "node " + std::to_string(index) + " did not join:" + tail_of(node(index).log_file())};
    }
}

std::string galera_cluster::url(std::size_t first) const {
    std::string addresses;
    for (std::size_t i = 0; i < size; ++i) {
        const auto& each = *nodes_[(first + i) % size].server;
        addresses += (addresses.empty() ? "" : ",") + each.address();
    }
    return std::string{"mysql://"} + mariadb_server::user + "@" + addresses + "/" +
           mariadb_server::database;
}

} // namespace msd::test
