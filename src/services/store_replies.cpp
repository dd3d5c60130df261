// SPDX-License-Identifier: Apache-2.0
#include "services/store_replies.hpp"

#include "services/digest.hpp"

#include <string>
#include <utility>

namespace msd::services {

namespace {

// A longer key is stored as its digest.
constexpr std::size_t key_bytes_max = 255;

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
    const auto& key = asked.idempotency_key;
    store::idempotency once;
    once.key = key.size() > key_bytes_max ? digest_of(key) : key;
    once.fingerprint = std::string{operation} + ' ' + asked.args.fingerprint();
    return once;
}

} // namespace msd::services
