// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Packets: what stands between two terminators (protocol.md). Reading gives views into the frame;
// writing appends a whole frame, terminator included, with every ¶ inside it escaped as \u00b6.
// Knows the shape of requests, replies and the small packets msd nodes add among themselves;
// registrations and topologies are core/registration_codec's.
namespace msd::wire {

inline constexpr std::string_view terminator = "\xC2\xB6";

/// The numeric version of msd's additions to the protocol (protocol.md, 4).
inline constexpr int protocol_version = 2;

enum class packet_kind {
    request, // uri and method
    reply,   // key, no uri
    cancel,  // {"cancel":KEY}
    hello,   // {"hello":{…}}
    goaway,  // {"goaway":{"last_key":K}}
    other,   // an object that is none of these
};

// One packet as received. Views live as long as the frame they were read from. Reusable.
class packet {
public:
    /// Malformed as json::object::parse says; then key() may still be readable.
    [[nodiscard]] result<void> parse(std::string_view frame);

    [[nodiscard]] packet_kind kind() const { return kind_; }
    [[nodiscard]] const json::object& fields() const { return fields_; }

    /// Raw token of the correlation key: top-level, else params.key; empty when there is none.
    [[nodiscard]] std::string_view key() const { return key_; }
    /// The key came inside params only, as foreign gateways send it: it is no parameter then.
    [[nodiscard]] bool key_in_params() const { return key_in_params_; }

    [[nodiscard]] const std::string& method() const { return method_; }
    [[nodiscard]] const std::string& uri() const { return uri_; }

    /// Members of params, when params is an object; null otherwise (absent, null, array, string).
    /// Still holds `key` when key_in_params().
    [[nodiscard]] const json::object* params() const { return has_params_ ? &params_ : nullptr; }
    /// params as it stands, of whatever kind; null when absent.
    [[nodiscard]] const json::value* raw_params() const { return fields_.find("params"); }

private:
    void classify();

    json::object fields_;
    json::object params_;
    packet_kind kind_ = packet_kind::other;
    std::string_view key_;
    std::string method_;
    std::string uri_;
    bool key_in_params_ = false;
    bool has_params_ = false;
};

struct request_fields {
    std::string_view method;
    std::string_view uri;
    std::string_view params = "{}"; // one JSON value
    std::string_view idem;          // Idempotency-Key; empty: none
    std::string_view trace;         // traceparent; empty: none
    std::string_view id;            // request id; empty: none
    std::optional<std::int64_t> deadline_ms; // time left
};

/// A request to an msd node: the key is top-level.
void append_request(std::string& out, const request_fields& request, std::uint64_t key);

/// A request to a foreign node: `key` inside params, overwriting any the client sent; no other
/// top-level field than uri, method, params. `request.params` must be an object.
void append_foreign_request(std::string& out, const request_fields& request, std::uint64_t key);

// What a service answers. `members` are further members without braces: `"id":1,"x":2`.
struct reply_fields {
    int errorcode = 0;
    std::string_view errormessage = "success";
    std::string_view members;
    int status = 0; // HTTP status the service asks for; 0: not said
};

/// `key` is the raw token as received; empty writes no key.
void append_reply(std::string& out, std::string_view key, const reply_fields& reply);

/// Any JSON object text as one frame.
void append_frame(std::string& out, std::string_view object);

// A reply taken apart for HTTP: the envelope without `key` and `status`.
struct envelope {
    std::uint64_t key = 0;      // 0 with has_key false: no usable key
    bool has_key = false;
    int status = 0;             // 100…599, 0: not said
    std::optional<std::int64_t> errorcode;
    // The envelope's body is these pieces in order; views into the frame or static text. At most
    // three members are cut out, so a reply of any size is sent without being copied.
    std::string_view pieces[4];
    std::size_t piece_count = 0;
};

/// The same without kept members: one pass over the frame.
[[nodiscard]] result<envelope> open_envelope(const packet& reply);

} // namespace msd::wire
