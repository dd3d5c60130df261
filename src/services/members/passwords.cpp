// SPDX-License-Identifier: Apache-2.0
#include "services/members/passwords.hpp"

#include "base/late_library.hpp"
#include "store/argon2id_cost.hpp"

#include <sys/mman.h>

#include <array>
#include <openssl/evp.h>
#include <optional>
#include <sodium.h>
#include <utility>

namespace msd::services {

namespace {

constexpr unsigned long long passes = store::own_argon2id_cost.passes;
constexpr std::size_t memory_bytes = std::size_t{store::own_argon2id_cost.memory_kib} * 1024;

// A well-formed hash with the current cost that no password matches.
const std::string dummy_hash =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + std::string(43, 'A');

// Used only for the hashes of existing deployments.
constinit late_library crypto{MSD_SONAME};
// NOLINTBEGIN(readability-identifier-naming): they are named as OpenSSL names them
MSD_LATE_FUNCTION(crypto, EVP_Digest);
MSD_LATE_FUNCTION(crypto, EVP_sha1);
// NOLINTEND(readability-identifier-naming)

constexpr std::size_t sha1_bytes = 20;
using sha1_digest = std::array<unsigned char, sha1_bytes>;

std::optional<sha1_digest> sha1(const void* bytes, std::size_t size) {
    sha1_digest digest{};
    unsigned length = 0;
    if (EVP_Digest(bytes, size, digest.data(), &length, EVP_sha1(), nullptr) != 1) {
        return std::nullopt;
    }
    return digest;
}

std::optional<sha1_digest> old_digest(std::string_view hash) {
    sha1_digest digest{};
    std::size_t length = 0;
    if (hash.size() != 1 + 2 * sha1_bytes || hash.front() != '*' ||
        sodium_hex2bin(
            digest.data(),
            digest.size(),
            hash.data() + 1,
            hash.size() - 1,
            nullptr,
            &length,
            nullptr
        ) != 0 ||
        length != sha1_bytes) {
        return std::nullopt;
    }
    return digest;
}

// Whether the memory that argon2id needs is available now.
bool has_memory() {
    void* const space =
        mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return space != MAP_FAILED && munmap(space, memory_bytes) == 0;
}

// Checks a password against an argon2id hash.
result<verdict> check_new(std::string_view password, const std::string& hash) {
    if (crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0) {
        return verdict::right;
    }
    // When memory is short, libsodium returns the same result as for a wrong password.
    if (!has_memory()) {
        return fail(errc::unavailable, "not enough memory to check a password");
    }
    return verdict::wrong;
}

// The digest that MySQL's PASSWORD() writes as hex digits.
result<sha1_digest> legacy_digest(std::string_view password) {
    if (auto loaded = crypto.load(); !loaded) {
        return tl::unexpected{std::move(loaded.error())};
    }
    const auto once = sha1(password.data(), password.size());
    const auto twice = once ? sha1(once->data(), once->size()) : std::nullopt;
    if (!twice) {
        return fail(errc::unavailable, "OpenSSL does not compute SHA-1");
    }
    return *twice;
}

result<verdict> check_old(std::string_view password, const sha1_digest& kept) {
    const auto digest = legacy_digest(password);
    if (!digest) {
        return tl::unexpected{digest.error()};
    }
    if (sodium_memcmp(digest->data(), kept.data(), kept.size()) == 0) {
        return verdict::right_rehash;
    }
    return check_without_member(password);
}

} // namespace

result<std::string> hash_password(std::string_view password) {
    std::array<char, crypto_pwhash_STRBYTES> text{};
    const int done = crypto_pwhash_str_alg(
        text.data(),
        password.data(),
        password.size(),
        passes,
        memory_bytes,
        crypto_pwhash_ALG_ARGON2ID13
    );
    if (done != 0) {
        return fail(errc::unavailable, "not enough memory to hash a password");
    }
    return std::string{text.data()};
}

result<std::string> legacy_hash(std::string_view password) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto digest = legacy_digest(password);
    if (!digest) {
        return tl::unexpected{digest.error()};
    }
    std::string text = "*";
    for (const unsigned char byte : *digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 0xFU];
    }
    return text;
}

bool is_legacy_hash(std::string_view hash) {
    return old_digest(hash).has_value();
}

result<verdict> check_password(std::string_view password, const std::string& hash) {
    if (const auto kept = old_digest(hash)) {
        return check_old(password, *kept);
    }
    if (!store::is_argon2id(hash) || !store::check_argon2id_cost(hash)) {
        return verdict::unreadable;
    }
    return check_new(password, hash).map([&hash](verdict found) {
        const bool stale = crypto_pwhash_str_needs_rehash(hash.c_str(), passes, memory_bytes) != 0;
        return found == verdict::right && stale ? verdict::right_rehash : found;
    });
}

result<verdict> check_without_member(std::string_view password) {
    return check_new(password, dummy_hash).map([](verdict /*found*/) { return verdict::wrong; });
}

} // namespace msd::services
