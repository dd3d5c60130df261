// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/mariadb_server.hpp"
#include "store/mysql/connection.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

// What the tests of store/mysql have in common.
namespace msd::test {

[[nodiscard]] inline store::mysql::server_address address_of(const mariadb_server& server) {
    store::mysql::server_address made;
    made.host = "127.0.0.1";
    made.port = server.port();
    made.user = mariadb_server::user;
    made.password = mariadb_server::password;
    made.database = mariadb_server::database;
    return made;
}

[[nodiscard]] inline store::mysql::connection connect(const store::mysql::server_address& to) {
    auto opened = store::mysql::connection::open(to);
    if (!opened) {
        throw std::runtime_error{store::mysql::error_of(opened.error()).text};
    }
    return std::move(*opened);
}

/// A server for all tests of this process that leave it as it was, except for the database `msd`
/// and the time zone; both are as in a new server after this call.
[[nodiscard]] inline mariadb_server& fresh_server() {
    static mariadb_server running;
    running.query("DROP DATABASE msd; CREATE DATABASE msd CHARACTER SET utf8mb4; "
                  "SET GLOBAL time_zone = 'SYSTEM'");
    return running;
}

} // namespace msd::test
