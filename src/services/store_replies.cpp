// SPDX-License-Identifier: Apache-2.0
#include "services/store_replies.hpp"

#include "services/digest.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace msd::services {

namespace {

// A longer key is stored as its digest.
constexpr std::size_t key_bytes_max = 255;
// For how long workers of an earlier version, whose keys are not those of a client, may still run
// after a worker of this version has its first key.
constexpr std::chrono::minutes earlier_version_runs{1};

std::string stored_key(std::string_view key) {
    return key.size() > key_bytes_max ? digest_of(key) : std::string{key};
}

// The same for a key that belongs to a client.
std::string key_of_client(std::string_view client, std::string_view key) {
    std::string text = "client " + std::to_string(client.size()) + ' ';
    text.append(client).append(key);
    return digest_of(text);
}

// Records of the earlier version count until then.
std::int64_t earlier_until_ms() {
    using std::chrono::milliseconds;
    static const std::int64_t until_ms =
        store::utc_now_ms() + milliseconds{earlier_version_runs}.count();
    return until_ms;
}

} // namespace

reply store_failure(const error& why) {
    switch (why.code) {
    case errc::not_found:
        return failure(404, "unknown id");
    case errc::conflict:
        return failure(409, "already exists");
    case errc::invalid:
        return failure(422, "Idempotency-Key was used for a different request");
    case errc::malformed:
        return failure(
            422,
            "a value is too long for the store or has characters that it cannot store"
        );
    case errc::unavailable:
    case errc::timeout:
    case errc::cancelled:
        return failure(503, "store unavailable");
    default:
        return failure(500, "internal error");
    }
}

reply page_reply(store::page rows) {
    std::string members = std::move(rows.rows);
    members.insert(0, "\"results\":[");
    members += ']';
    if (rows.next) {
        members += ",\"next\":";
        members += std::to_string(*rows.next);
    }
    return success(std::move(members));
}

std::optional<store::idempotency> idempotency_of(const call& asked, std::string_view operation) {
    if (asked.idempotency_key.empty()) {
        return std::nullopt;
    }
    store::idempotency once;
    once.key = stored_key(asked.idempotency_key);
    if (const auto& client = asked.from.client; !client.empty()) {
        const std::int64_t until_ms = earlier_until_ms();
        if (store::utc_now_ms() < until_ms + store::idempotency_kept.count()) {
            once.unscoped_key = std::move(once.key);
            once.unscoped_until_ms = until_ms;
        }
        once.key = key_of_client(client, asked.idempotency_key);
    }
    once.fingerprint = std::string{operation} + ' ' + asked.args.fingerprint();
    return once;
}

} // namespace msd::services
