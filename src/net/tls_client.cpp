// SPDX-License-Identifier: Apache-2.0
#include "net/tls_client.hpp"

#include "base/late_library.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <utility>

namespace msd::net {

namespace {

// Loaded only by processes that use TLS. Symbols of libcrypto are found through libssl.
constinit late_library openssl{MSD_SONAME};
// NOLINTBEGIN(readability-identifier-naming): they are named as OpenSSL names them
MSD_LATE_FUNCTION(openssl, ASN1_OCTET_STRING_free);
MSD_LATE_FUNCTION(openssl, BIO_ctrl);
MSD_LATE_FUNCTION(openssl, BIO_new);
MSD_LATE_FUNCTION(openssl, BIO_s_mem);
MSD_LATE_FUNCTION(openssl, BIO_write);
MSD_LATE_FUNCTION(openssl, ERR_clear_error);
MSD_LATE_FUNCTION(openssl, ERR_peek_last_error);
MSD_LATE_FUNCTION(openssl, ERR_reason_error_string);
MSD_LATE_FUNCTION(openssl, SSL_CTX_ctrl);
MSD_LATE_FUNCTION(openssl, SSL_CTX_free);
MSD_LATE_FUNCTION(openssl, SSL_CTX_load_verify_locations);
MSD_LATE_FUNCTION(openssl, SSL_CTX_new);
MSD_LATE_FUNCTION(openssl, SSL_CTX_set_default_verify_paths);
MSD_LATE_FUNCTION(openssl, SSL_CTX_set_options);
MSD_LATE_FUNCTION(openssl, SSL_CTX_set_verify);
MSD_LATE_FUNCTION(openssl, SSL_ctrl);
MSD_LATE_FUNCTION(openssl, SSL_do_handshake);
MSD_LATE_FUNCTION(openssl, SSL_free);
MSD_LATE_FUNCTION(openssl, SSL_get0_param);
MSD_LATE_FUNCTION(openssl, SSL_get_error);
MSD_LATE_FUNCTION(openssl, SSL_get_verify_result);
MSD_LATE_FUNCTION(openssl, SSL_new);
MSD_LATE_FUNCTION(openssl, SSL_read);
MSD_LATE_FUNCTION(openssl, SSL_set1_host);
MSD_LATE_FUNCTION(openssl, SSL_set_bio);
MSD_LATE_FUNCTION(openssl, SSL_set_connect_state);
MSD_LATE_FUNCTION(openssl, SSL_set_hostflags);
MSD_LATE_FUNCTION(openssl, SSL_write);
MSD_LATE_FUNCTION(openssl, TLS_client_method);
MSD_LATE_FUNCTION(openssl, X509_VERIFY_PARAM_set1_ip_asc);
MSD_LATE_FUNCTION(openssl, X509_verify_cert_error_string);
MSD_LATE_FUNCTION(openssl, a2i_IPADDRESS);
// NOLINTEND(readability-identifier-naming)

constexpr std::size_t read_bytes = std::size_t{16} * 1024; // the most one TLS record holds

template <auto& Free>
struct freed_by {
    template <class T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};

// The reason of the latest error of OpenSSL, which it keeps per thread.
std::string reason() {
    const auto code = ERR_peek_last_error();
    const char* const text = ERR_reason_error_string(code);
    ERR_clear_error();
    return text == nullptr ? "OpenSSL reports no reason" : text;
}

int length_of(std::string_view bytes) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    return static_cast<int>(std::min(bytes.size(), most));
}

bool is_address(const std::string& name) {
    const std::unique_ptr<ASN1_OCTET_STRING, freed_by<ASN1_OCTET_STRING_free>> address{
        a2i_IPADDRESS(name.c_str())};
    return address != nullptr;
}

} // namespace

struct tls_trust::state {
    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context;
};

struct tls_session::state {
    std::unique_ptr<SSL, freed_by<SSL_free>> session;
    // Owned by the session.
    BIO* incoming = nullptr;
    BIO* outgoing = nullptr;

    void take_outgoing(std::string& out) const {
        char* bytes = nullptr;
        const auto size = BIO_get_mem_data(outgoing, &bytes);
        out.append(bytes, static_cast<std::size_t>(size));
        BIO_reset(outgoing);
    }
};

tls_trust::tls_trust(std::unique_ptr<state> made) : state_{std::move(made)} {}
tls_trust::tls_trust(tls_trust&&) noexcept = default;
tls_trust& tls_trust::operator=(tls_trust&&) noexcept = default;
tls_trust::~tls_trust() = default;

result<tls_trust> tls_trust::load(const std::filesystem::path& ca_file) {
    if (auto loaded = openssl.load(); !loaded) {
        return tl::unexpected{std::move(loaded.error())};
    }
    auto made = std::make_unique<state>();
    made->context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = made->context.get();
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return fail(errc::internal, "cannot start TLS: " + reason());
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    // With renegotiation in TLS 1.2, writing would have to wait for reading.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    const bool loaded = ca_file.empty()
                            ? SSL_CTX_set_default_verify_paths(context) == 1
                            : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1;
    if (!loaded) {
        return fail(
            errc::invalid,
            ca_file.string() + " has no readable certificate in PEM format: " + reason()
        );
    }
    return tls_trust{std::move(made)};
}

tls_session::tls_session(const tls_trust& trust, const std::string& name)
    : state_{std::make_unique<state>()} {
    state_->session.reset(SSL_new(trust.state_->context.get()));
    state_->incoming = BIO_new(BIO_s_mem());
    state_->outgoing = BIO_new(BIO_s_mem());
    SSL* const session = state_->session.get();
    if (session == nullptr || state_->incoming == nullptr || state_->outgoing == nullptr) {
        throw std::bad_alloc{};
    }
    SSL_set_bio(session, state_->incoming, state_->outgoing);
    SSL_set_connect_state(session);
    if (is_address(name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str());
    } else {
        SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(session, name.c_str());
        // As the macro SSL_set_tlsext_host_name, which casts as C does.
        void* const host_name = const_cast<char*>(name.c_str());
        SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host_name);
    }
}

tls_session::~tls_session() = default;

result<bool> tls_session::handshake(std::string& out) {
    SSL* const session = state_->session.get();
    ERR_clear_error();
    const int done = SSL_do_handshake(session);
    state_->take_outgoing(out); // includes the alert that gives the reason
    if (done == 1) {
        return true;
    }
    if (SSL_get_error(session, done) == SSL_ERROR_WANT_READ) {
        return false;
    }
    if (const auto verified = SSL_get_verify_result(session); verified != X509_V_OK) {
        return fail(
            errc::denied,
            std::string{"its certificate is refused: "} + X509_verify_cert_error_string(verified)
        );
    }
    return fail(errc::malformed, "the TLS handshake failed: " + reason());
}

void tls_session::received(std::string_view bytes) {
    while (!bytes.empty()) {
        const int taken = BIO_write(state_->incoming, bytes.data(), length_of(bytes));
        if (taken <= 0) {
            throw std::bad_alloc{}; // a BIO in memory fails only without memory
        }
        bytes.remove_prefix(static_cast<std::size_t>(taken));
    }
}

result<void> tls_session::open(std::string& plain, std::string& out) {
    SSL* const session = state_->session.get();
    std::array<char, read_bytes> piece; // NOLINT(cppcoreguidelines-pro-type-member-init)
    ERR_clear_error();
    int size = SSL_read(session, piece.data(), static_cast<int>(piece.size()));
    while (size > 0) {
        plain.append(piece.data(), static_cast<std::size_t>(size));
        size = SSL_read(session, piece.data(), static_cast<int>(piece.size()));
    }
    state_->take_outgoing(out);
    switch (SSL_get_error(session, size)) {
    case SSL_ERROR_WANT_READ:
        return {};
    case SSL_ERROR_ZERO_RETURN:
        return fail(errc::closed, "the peer ended the TLS session");
    default:
        return fail(errc::malformed, "the TLS session is broken: " + reason());
    }
}

result<void> tls_session::seal(std::string_view plain, std::string& out) {
    SSL* const session = state_->session.get();
    ERR_clear_error();
    while (!plain.empty()) {
        const int taken = SSL_write(session, plain.data(), length_of(plain));
        if (taken <= 0) {
            return fail(errc::malformed, "the TLS session is broken: " + reason());
        }
        plain.remove_prefix(static_cast<std::size_t>(taken));
    }
    state_->take_outgoing(out);
    return {};
}

} // namespace msd::net
