// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

// The client side of TLS without sockets: it turns plain text into bytes to send, and received
// bytes into plain text. tls_trust decides which certificates are trusted; client_stream moves the
// bytes.
namespace msd::net {

// The trusted certificates, shared by all sessions of a worker. TLS 1.2 and later; a server's
// certificate and its name are always verified.
class tls_trust {
public:
    /// `ca_file` holds certificates in PEM; empty: those of the system. errc::invalid names the
    /// file and what is wrong.
    [[nodiscard]] static result<tls_trust> load(const std::filesystem::path& ca_file);

    tls_trust(tls_trust&&) noexcept;
    tls_trust& operator=(tls_trust&&) noexcept;
    ~tls_trust();

private:
    friend class tls_session;
    struct state;
    explicit tls_trust(std::unique_ptr<state> made);

    std::unique_ptr<state> state_;
};

// The TLS session of one connection.
class tls_session {
public:
    /// The certificate must be issued for `name`, a host name or an address as text.
    tls_session(const tls_trust& trust, const std::string& name);
    ~tls_session();
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;

    /// Starts or continues the handshake and appends bytes to send to `out`. True when it is
    /// complete. errc::denied: the certificate is not accepted; errc::malformed: the peer does not
    /// speak TLS, or no supported version.
    [[nodiscard]] result<bool> handshake(std::string& out);

    /// Takes received bytes; the next handshake() or open() uses them.
    void received(std::string_view bytes);

    /// Appends the plain text of complete received records to `plain`, and to `out` what TLS itself
    /// has to send. errc::closed: the peer ended the session with close_notify; errc::malformed.
    [[nodiscard]] result<void> open(std::string& plain, std::string& out);

    /// Encrypts `plain` and appends it to `out`. Only after the handshake.
    [[nodiscard]] result<void> seal(std::string_view plain, std::string& out);

private:
    struct state;

    std::unique_ptr<state> state_;
};

} // namespace msd::net
