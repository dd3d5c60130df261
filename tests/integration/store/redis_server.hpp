// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "integration/store/child_program.hpp"
#include "integration/store/temporary_directory.hpp"
#include "wire/resp.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::test {

// A certificate authority and its certificate for "localhost", as PEM files in a directory.
struct certificates {
    explicit certificates(const std::filesystem::path& directory);

    std::filesystem::path authority;
    std::filesystem::path certificate;
    std::filesystem::path key;
};

// A redis-server for one test, on a free port of the loopback, with a directory of its own.
class redis_server {
public:
    struct options {
        std::string password = {};
        const certificates* tls = nullptr; // also listens for TLS, on tls_port()
        bool sentinel = false;
        std::vector<std::string> lines = {}; // further lines of its configuration file
    };

    redis_server() : redis_server(options{}) {}
    explicit redis_server(options chosen);

    /// Starts it on its port with its data on disk, and waits until it answers.
    void start();
    /// Kills it with SIGKILL.
    void kill();
    void restart() {
        kill();
        start();
    }
    /// Stops it with SIGSTOP: the kernel accepts connections, the server does not answer.
    void hang() const;
    void wake() const;

    /// Executes one command on a separate connection, without the code under test; the reply may be
    /// an error.
    wire::resp_value ask(const std::vector<std::string>& arguments) const;

    [[nodiscard]] std::uint16_t port() const { return port_.number(); }
    [[nodiscard]] std::uint16_t tls_port() const { return tls_port_.number(); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
    [[nodiscard]] std::string url() const { return "redis://" + address(); }
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

private:
    void write_configuration() const;
    [[nodiscard]] bool answers() const;

    options options_;
    temporary_directory directory_;
    reserved_port port_;
    reserved_port tls_port_;
    std::optional<child_program> process_;
};

} // namespace msd::test
