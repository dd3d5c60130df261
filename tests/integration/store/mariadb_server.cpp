// SPDX-License-Identifier: Apache-2.0
#include "integration/store/mariadb_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace msd::test {

namespace {

constexpr const char* package = "mariadb-server";
constexpr milliseconds start_limit{90'000};
constexpr milliseconds stop_limit{60'000};

std::string user_name() {
    const auto text = run_program({"id", "-un"});
    return text.substr(0, text.find('\n'));
}

void copy_template(const std::filesystem::path& to) {
    const auto text = run_program({"tests/servers/mariadb-template"});
    const auto from = text.substr(0, text.find('\n'));
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// How the client program escapes bytes that it uses as separators.
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            plain += text[i];
            continue;
        }
        const char next = text[++i];
        plain += next == 'n' ? '\n' : next == 't' ? '\t' : next == '0' ? '\0' : next;
    }
    return plain;
}

mariadb_server::rows rows_of(const std::string& text) {
    mariadb_server::rows all;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        auto& row = all.emplace_back();
        std::istringstream cells{line + "\t"};
        for (std::string cell; std::getline(cells, cell, '\t');) {
            row.push_back(unescaped(cell));
        }
    }
    return all;
}

} // namespace

mariadb_server::mariadb_server(mariadb_settings chosen) : chosen_{std::move(chosen)} {
    copy_template(data());
    if (chosen_.tls) {
        run_program({"tests/servers/certificates", directory().string()});
    }
    if (chosen_.started) {
        start();
    }
}

mariadb_server::~mariadb_server() {
    process_.reset();
    if (testing::Test::HasFailure() && std::filesystem::exists(log_file())) {
        std::cerr << "--- mariadbd at " << address() << tail_of(log_file()) << '\n';
    }
}

std::vector<std::string> mariadb_server::command() const {
    const auto in = [this](const char* name) {
        return (directory() / name).string();
    };
    std::vector<std::string> words{
        installed_program("mariadbd", package),
        "--no-defaults",
        "--user=" + (chosen_.as_nobody && ::geteuid() == 0 ? "nobody" : user_name()),
        "--datadir=" + data().string(),
        "--socket=" + socket().string(),
        "--pid-file=" + in("pid"),
        "--tmpdir=" + directory().string(),
        "--bind-address=127.0.0.1",
        "--port=" + std::to_string(port()),
        "--skip-name-resolve",
        "--character-set-server=utf8mb4",
        "--performance-schema=OFF",
        "--innodb-buffer-pool-size=32M",
        "--innodb-log-file-size=16M",
        chosen_.durable ? "--innodb-flush-log-at-trx-commit=1"
                        : "--innodb-flush-log-at-trx-commit=2"};
    if (chosen_.read_only) {
        words.emplace_back("--read-only");
    }
    if (chosen_.tls) {
        words.push_back("--ssl-ca=" + in("ca.pem"));
        words.push_back("--ssl-cert=" + in("server.pem"));
        words.push_back("--ssl-key=" + in("server-key.pem"));
    } else {
        words.emplace_back("--skip-ssl");
    }
    if (chosen_.connections_max > 0) {
        words.push_back("--max-connections=" + std::to_string(chosen_.connections_max));
    }
    if (chosen_.server_id > 0) {
        words.push_back("--server-id=" + std::to_string(chosen_.server_id));
        words.emplace_back("--log-bin=binlog");
        words.emplace_back("--binlog-format=ROW");
        words.emplace_back("--log-slave-updates");
        words.emplace_back("--gtid-strict-mode=ON");
        words.emplace_back("--skip-slave-start");
        words.emplace_back(chosen_.durable ? "--sync-binlog=1" : "--sync-binlog=0");
    }
    words.insert(words.end(), chosen_.options.begin(), chosen_.options.end());
    return words;
}

void mariadb_server::start(const std::vector<std::string>& more) {
    launch(more);
    wait_ready();
}

void mariadb_server::launch(const std::vector<std::string>& more) {
    auto words = command();
    words.insert(words.end(), more.begin(), more.end());
    own_files();
    const auto as = chosen_.as_nobody ? child_program::user::nobody : child_program::user::same;
    process_.emplace(std::move(words), log_file(), as);
}

void mariadb_server::copy_data(const mariadb_server& from) {
    std::filesystem::remove_all(data());
    std::filesystem::copy(from.data(), data(), std::filesystem::copy_options::recursive);
}

// As root, gives everything in the directory to nobody.
void mariadb_server::own_files() const {
    if (!chosen_.as_nobody || ::geteuid() != 0) {
        return;
    }
    const auto nobody = ids_of_nobody();
    const auto give = [nobody](const std::filesystem::path& file) {
        if (::chown(file.c_str(), nobody.user, nobody.group) != 0) {
            throw std::system_error{errno, std::generic_category(), file.string()};
        }
    };
    give(directory());
    for (const auto& each : std::filesystem::recursive_directory_iterator{directory()}) {
        give(each.path());
    }
}

void mariadb_server::wait_ready() {
    const bool decided = eventually([this] { return process_->ended() || greets(); }, start_limit);
    if (!decided || process_->ended()) {
        fail(decided ? "ended at its start" : "was not ready in time");
    }
}

void mariadb_server::stop() {
    process_->signal(SIGTERM);
    if (process_->wait(stop_limit) != 0) {
        fail("did not stop as it should");
    }
}

void mariadb_server::kill() {
    process_->signal(SIGKILL);
    if (!process_->wait(stop_limit)) {
        fail("survived kill -9");
    }
}

void mariadb_server::freeze() {
    process_->signal(SIGSTOP);
    // The signal stops one thread after another; the state shows when all are stopped.
    const auto stopped = [this] {
        return process_state(pid()) == 'T';
    };
    if (!eventually(stopped)) {
        fail("does not freeze");
    }
}

void mariadb_server::thaw() {
    process_->signal(SIGCONT);
}

bool mariadb_server::running() {
    return process_ && !process_->ended();
}

// A started server sends a greeting to each connection; a full one sends an error instead.
bool mariadb_server::greets() const {
    const unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        return false;
    }
    pollfd readable{.fd = fd.get(), .events = POLLIN, .revents = 0};
    std::array<char, 5> head{};
    return ::poll(&readable, 1, 1000) == 1 &&
           ::recv(fd.get(), head.data(), head.size(), MSG_WAITALL) == std::ssize(head);
}

mariadb_server::rows mariadb_server::query(const std::string& sql) {
    return rows_of(run_program(
        {installed_program("mariadb", package),
         "--no-defaults",
         "--socket=" + socket().string(),
         "--user=root",
         "--default-character-set=utf8mb4",
         "--batch",
         "--skip-column-names",
         std::string{"--database="} + database,
         "--execute=" + sql}
    ));
}

std::string mariadb_server::value(const std::string& sql) {
    const auto all = query(sql);
    if (all.size() != 1 || all[0].size() != 1) {
        throw std::runtime_error{"not one value: " + sql};
    }
    return all[0][0];
}

void mariadb_server::replicate(const mariadb_server& primary) {
    query(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=" + std::to_string(primary.port()) +
        ", MASTER_USER='" + superuser + "', MASTER_PASSWORD='" + password +
        "', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
    );
}

std::string mariadb_server::address() const {
    return "127.0.0.1:" + std::to_string(port());
}

std::string mariadb_server::url() const {
    return std::string{"mysql://"} + user + "@" + address() + "/" + database;
}

void mariadb_server::fail(const std::string& what) const {
    throw std::runtime_error{"mariadbd at " + address() + " " + what + ":" + tail_of(log_file())};
}

} // namespace msd::test
