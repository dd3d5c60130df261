// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

#include "integration/store/mariadb_server.hpp"

namespace msd::test {

namespace {

class sqlite_store final : public store_under_test {
public:
    store::store_settings settings() override {
        store::store_settings chosen;
        chosen.data_dir = directory_.path() / "data";
        return chosen;
    }

private:
    temporary_directory directory_;
};

// One server for all tests of a process, with an empty database for each test.
class mariadb_store final : public store_under_test {
public:
    mariadb_store() {
        static int made = 0;
        database_ = "msd_" + std::to_string(++made);
        server().query("CREATE DATABASE " + database_ + " CHARACTER SET latin1");
        const std::string all = "GRANT ALL ON " + database_ + ".* TO ";
        server().query(all + mariadb_server::user + "@'%'");
    }
    ~mariadb_store() override { server().query("DROP DATABASE " + database_); }
    mariadb_store(const mariadb_store&) = delete;
    mariadb_store& operator=(const mariadb_store&) = delete;

    store::store_settings settings() override {
        store::store_settings chosen;
        chosen.server.url = std::string{"mysql://"} + mariadb_server::user + "@" +
                            server().address() + "/" + database_;
        chosen.server.password = mariadb_server::password;
        return chosen;
    }

private:
    static mariadb_server& server() {
        static mariadb_server running;
        return running;
    }

    std::string database_;
};

template <class Store>
std::unique_ptr<store_under_test> make() {
    return std::make_unique<Store>();
}

} // namespace

std::vector<store_kind> all_stores() {
    return {{"sqlite", make<sqlite_store>}, {"mariadb", make<mariadb_store>}};
}

} // namespace msd::test
