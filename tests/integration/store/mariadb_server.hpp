// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/child_program.hpp"
#include "integration/store/temporary_directory.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::test {

struct mariadb_settings {
    bool durable = false; // commits are synced to disk; otherwise they survive only kill -9
    bool read_only = false;
    bool tls = false;
    int connections_max = 0;               // 0: the server's default
    int server_id = 0;                     // not 0: writes a binary log for replicas
    std::vector<std::string> options = {}; // further options of mariadbd
    bool as_nobody =
        false;           // run as nobody if the test is root: for programs that the server starts
    bool started = true; // false: the test calls start()
};

// A MariaDB server for one test: in a temporary directory, on a port of the loopback that stays
// reserved while the server is down. It has the database and the accounts of
// tests/servers/mariadb-template. It runs after construction and ends with the object, however the
// test ends. Failures throw with the last lines of the server's log, which a failed test prints
// too.
class mariadb_server {
public:
    static constexpr const char* user = "msd";
    static constexpr const char* superuser = "msd_root";
    static constexpr const char* password = "open-sesame-4711";
    static constexpr const char* database = "msd";
    using rows = std::vector<std::vector<std::string>>;

    explicit mariadb_server(mariadb_settings chosen = {});
    ~mariadb_server();
    mariadb_server(const mariadb_server&) = delete;
    mariadb_server& operator=(const mariadb_server&) = delete;

    /// Starts it again on the same port with the same data, and waits until it answers.
    /// `more` are options for this run only.
    void start(const std::vector<std::string>& more = {});
    /// Starts it without waiting: for a server that needs others to become ready.
    void launch(const std::vector<std::string>& more = {});
    void wait_ready();
    /// Stops it orderly.
    void stop();
    /// Kills it with SIGKILL.
    void kill();
    void restart() {
        stop();
        start();
    }
    /// Copies the data of a stopped server, before its own first start.
    void copy_data(const mariadb_server& from);
    /// Stops it with SIGSTOP until thaw(): the kernel accepts connections, the server does not
    /// answer.
    void freeze();
    void thaw();
    [[nodiscard]] bool running();

    /// Executes one or several statements as root on the server's Unix socket. Values are returned
    /// as text, NULL as "NULL"; throws with the server's error.
    rows query(const std::string& sql);
    /// The only value of the only row.
    std::string value(const std::string& sql);
    /// Starts to replicate `primary` by GTID from its first change; both need a server_id.
    void replicate(const mariadb_server& primary);

    [[nodiscard]] std::uint16_t port() const { return port_.number(); }
    /// "127.0.0.1:PORT".
    [[nodiscard]] std::string address() const;
    /// "mysql://msd@127.0.0.1:PORT/msd".
    [[nodiscard]] std::string url() const;
    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    [[nodiscard]] std::filesystem::path directory() const { return directory_.path(); }
    [[nodiscard]] std::filesystem::path data() const { return directory() / "data"; }
    [[nodiscard]] std::filesystem::path socket() const { return directory() / "socket"; }
    /// The certificate of the authority that signed the server's.
    [[nodiscard]] std::filesystem::path ca_file() const { return directory() / "ca.pem"; }
    [[nodiscard]] std::filesystem::path log_file() const { return directory() / "stderr"; }

private:
    void own_files() const;
    [[nodiscard]] std::vector<std::string> command() const;
    [[nodiscard]] bool greets() const;
    [[noreturn]] void fail(const std::string& what) const;

    mariadb_settings chosen_;
    temporary_directory directory_;
    reserved_port port_;
    std::optional<child_program> process_;
};

} // namespace msd::test
