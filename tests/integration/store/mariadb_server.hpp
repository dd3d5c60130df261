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
    bool durable = false; // every commit on the disk; else a commit survives kill -9 only
    bool read_only = false;
    bool tls = false;
    int connections_max = 0;               // 0: the server's default
    int server_id = 0;                     // not 0: writes a binary log that others can replicate
    std::vector<std::string> options = {}; // of mariadbd, beside those
    bool as_nobody = false;                // not as root: for what it starts that is better not
    bool started = true;                   // else by start()
};

// A MariaDB server of the test's own: in a temporary directory, on a port of the loopback that
// stays its own while it is down. It has the database and the accounts of
// tests/servers/mariadb-template. Runs when it is constructed and ends with the object, however
// the test ends. Failures throw, with the server's last words; a failed test gets them too.
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

    /// Starts it where it ended, on the same port with the same data, and waits until it answers.
    /// `more` are options for this run only.
    void start(const std::vector<std::string>& more = {});
    /// Without waiting: for a server that becomes ready with the help of others.
    void launch(const std::vector<std::string>& more = {});
    void wait_ready();
    /// An orderly end.
    void stop();
    /// kill -9.
    void kill();
    void restart() {
        stop();
        start();
    }
    /// Takes the data of a server that is stopped for its own, before its first start.
    void copy_data(const mariadb_server& from);
    /// SIGSTOP: accepts connections and answers nothing; until thaw().
    void freeze();
    void thaw();
    [[nodiscard]] bool running();

    /// As root, on the server's own socket; the statements may be several. Rows as text, NULL as
    /// "NULL"; throws what the server complains of.
    rows query(const std::string& sql);
    /// The only value of the only row.
    std::string value(const std::string& sql);
    /// Begins to replicate `primary` by GTID, from the first change; both need a server_id.
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
