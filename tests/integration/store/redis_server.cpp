// SPDX-License-Identifier: Apache-2.0
#include "integration/store/redis_server.hpp"

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace msd::test {

namespace {

constexpr std::size_t reply_bytes_max = std::size_t{1} << 20;

unique_fd connect_to(std::uint16_t port) {
    unique_fd made{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const timeval patience{10, 0};
    setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) {
        made.reset();
    }
    return made;
}

} // namespace

certificates::certificates(const std::filesystem::path& directory)
    : authority{directory / "ca.pem"},
      certificate{directory / "server.pem"},
      key{directory / "server.key"} {
    const std::string openssl = installed_program("openssl", "openssl");
    const std::string ca_key = directory / "ca.key";
    const std::string request = directory / "server.csr";
    const std::string names = directory / "names.cnf";
    std::ofstream{names} << "subjectAltName=DNS:localhost\n";
    const std::vector<std::string> ec{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};
    std::vector<std::string> ca{openssl, "req", "-x509", "-nodes", "-days", "2", "-subj"};
    ca.insert(ca.end(), {"/CN=an authority", "-keyout", ca_key, "-out", authority});
    ca.insert(ca.end(), ec.begin(), ec.end());
    run_program(ca);
    std::vector<std::string> leaf{openssl, "req", "-nodes", "-subj", "/CN=a server"};
    leaf.insert(leaf.end(), {"-keyout", key, "-out", request});
    leaf.insert(leaf.end(), ec.begin(), ec.end());
    run_program(leaf);
    std::vector<std::string> sign{openssl, "x509", "-req", "-in", request, "-CA", authority};
    sign.insert(sign.end(), {"-CAkey", ca_key, "-CAcreateserial", "-days", "2"});
    sign.insert(sign.end(), {"-extfile", names, "-out", certificate});
    run_program(sign);
}

redis_server::redis_server(options chosen) : options_{std::move(chosen)} {
    start();
}

void redis_server::write_configuration() const {
    std::ofstream file{directory() / "server.conf"};
    file << "port " << port() << "\nbind 127.0.0.1\nprotected-mode no\ndir " << directory().string()
         << "\n";
    if (!options_.sentinel) {
        file << "save \"\"\nappendonly no\n";
    }
    if (!options_.password.empty()) {
        file << "requirepass \"" << options_.password << "\"\n";
    }
    if (options_.tls != nullptr) {
        file << "tls-port " << tls_port() << "\ntls-auth-clients no\ntls-cert-file "
             << options_.tls->certificate.string() << "\ntls-key-file "
             << options_.tls->key.string() << "\ntls-ca-cert-file "
             << options_.tls->authority.string() << "\n";
    }
    for (const std::string& line : options_.lines) {
        file << line << "\n";
    }
}

void redis_server::start() {
    const auto file = directory() / "server.conf";
    // Sentinels and nodes of a cluster store their state there.
    if (!options_.sentinel || !std::filesystem::exists(file)) {
        write_configuration();
    }
    std::vector<std::string> command{installed_program("redis-server", "redis-server"), file};
    if (options_.sentinel) {
        command.emplace_back("--sentinel");
    }
    process_.emplace(std::move(command), directory() / "log");
    const bool up = eventually([this] { return process_->ended() || answers(); });
    if (!up || process_->ended()) {
        throw std::runtime_error{"redis-server did not start:\n" + tail_of(directory() / "log")};
    }
}

bool redis_server::answers() const {
    try {
        return !ask({"PING"}).text.starts_with("LOADING");
    } catch (const std::runtime_error&) {
        return false;
    }
}

void redis_server::kill() {
    process_.reset();
}

void redis_server::hang() const {
    process_->signal(SIGSTOP);
}

void redis_server::wake() const {
    process_->signal(SIGCONT);
}

wire::resp_value redis_server::ask(const std::vector<std::string>& arguments) const {
    const unique_fd connection = connect_to(port());
    std::string bytes;
    if (!options_.password.empty()) {
        const std::string_view proof[] = {"AUTH", options_.password};
        wire::append_resp_command(bytes, proof);
    }
    const std::vector<std::string_view> views{arguments.begin(), arguments.end()};
    wire::append_resp_command(bytes, views);
    wire::resp_reader reader{reply_bytes_max};
    int wanted = options_.password.empty() ? 1 : 2;
    std::array<char, 4096> piece{};
    if (!connection || send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
        throw std::runtime_error{"redis-server is not there"};
    }
    for (;;) {
        const ssize_t size = recv(connection.get(), piece.data(), piece.size(), 0);
        if (size <= 0) {
            throw std::runtime_error{"redis-server went away"};
        }
        reader.feed({piece.data(), static_cast<std::size_t>(size)});
        for (auto next = reader.next(); next.value().has_value(); next = reader.next()) {
            if (--wanted == 0) {
                return std::move(**next);
            }
        }
    }
}

} // namespace msd::test
