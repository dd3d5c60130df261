// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// Reads and writes packets, the JSON objects between two terminators (docs/protocol.md). Reading
// returns views into the frame. Writing appends a whole frame with its terminator, and escapes
// every ¶ inside it as \u00b6. Raw JSON that is passed to a writing function must be valid, so that
// a ¶ is always inside a string. This file handles requests, replies and the small packets of msd
// nodes; core/registration handles registrations, core/topology_frames handles topologies.
namespace msd::wire {

inline constexpr std::string_view terminator = "\xC2\xB6";

/// The numeric version of msd's additions to the protocol (docs/protocol.md, 4).
inline constexpr int protocol_version = 2;

enum class packet_kind : std::uint8_t {
    request, // uri and method, both strings
    reply,   // a top-level key, no uri
    cancel,  // {"cancel":KEY} with an unsigned integer; neither uri nor key, like the next two
    hello,   // {"hello":{…}}
    goaway,  // {"goaway":{"last_key":K}}
    changed, // {"changed":{"what":…,"ids":[…]}}
    credit,  // {"credit":KEY,"bytes":N}
    auth,    // {"auth":{…}}
    other,   // an object that is none of these
};

// One packet as received. Views live as long as the frame they were read from. Reusable.
class packet {
public:
    /// Errors as of json::object::parse, for the frame and for params. After an error the kind is
    /// `other`, and key() may still return the key. The default bounds are those of packets from
    /// nodes that this side is connected to; see wire::request_bounds for other packets.
    [[nodiscard]] result<void> parse(std::string_view frame, const json::limits& bounds = {});

    [[nodiscard]] packet_kind kind() const { return kind_; }
    [[nodiscard]] const json::object& fields() const { return fields_; }

    /// Raw token of the correlation key: the top-level one, else params.key; empty when there is
    /// none.
    [[nodiscard]] std::string_view key() const { return key_; }
    /// The key is only in params, as foreign gateways send it; then it is not a parameter.
    [[nodiscard]] bool key_in_params() const { return key_in_params_; }

    [[nodiscard]] const std::string& method() const { return method_; }
    [[nodiscard]] const std::string& uri() const { return uri_; }

    /// Members of params, when params is an object; null otherwise (absent, null, array, string).
    /// Still holds `key` when key_in_params().
    [[nodiscard]] const json::object* params() const { return has_params_ ? &params_ : nullptr; }
    /// The value of params, of any kind; null when absent.
    [[nodiscard]] const json::value* raw_params() const { return fields_.find("params"); }

private:
    void find_key();
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
    std::string_view params = "{}";          // one JSON value
    std::string_view idem;                   // Idempotency-Key; empty: none
    std::string_view trace;                  // traceparent; empty: none
    std::string_view id;                     // request id; empty: none
    std::string_view client;                 // address of the HTTP client; empty: not sent
    std::string_view headers;                // one JSON object; empty: not sent
    std::optional<std::int64_t> deadline_ms; // time left
};

/// A request to an msd node: the key is top-level.
void append_request(std::string& out, const request_fields& request, std::uint64_t key);

/// A request to a foreign node. Some existing services read the top-level `key`, others
/// `params.key`, so the packet has both; a `key` of the client in the params is overwritten.
/// Top-level fields are only uri, method, key and params. `request.params` must be an object.
void append_foreign_request(std::string& out, const request_fields& request, std::uint64_t key);

// The reply of a service. `members` are further members without braces: `"id":1,"x":2`.
struct reply_fields {
    int errorcode = 0;
    std::string_view errormessage = "success";
    std::string_view members;
    int status = 0;                // HTTP status that the service asks for; 0: none
    int retry_after_s = 0;         // with status 429 or 503: when to try again; 0: none
    std::string_view headers = {}; // one JSON object; empty: none
    bool is_stream = false;        // opens a stream (wire/stream_packets.hpp)
};

/// `key` is the raw token as received; empty writes no key.
void append_reply(std::string& out, std::string_view key, const reply_fields& reply);

/// Appends the part of such a packet before its members, for members that are too long to be
/// copied: the caller sends this part, then the members unchanged, then reply_end. False, and
/// nothing is appended, when the members contain a `¶` that has to be escaped. There must be
/// members.
[[nodiscard]] bool
append_reply_start(std::string& out, std::string_view key, const reply_fields& reply);
inline constexpr std::string_view reply_end = "}¶";

/// Appends the text of a JSON object as one frame.
void append_frame(std::string& out, std::string_view object);

// Which protocol the sender of a reply speaks (docs/protocol.md).
enum class reply_dialect : std::uint8_t {
    msd,     // section 4: `status` is the HTTP status that the service asks for
    foreign, // section 2: `status` is a member like any other
};

// A reply prepared for HTTP: the body is the packet without `key` and, in an msd reply, without
// `status`, the `retry_after` of status 429 or 503, `headers` that are an object and a `stream`
// that is true; all other members are unchanged, byte for byte. So a large reply is forwarded in
// slices without being copied.
struct envelope {
    std::uint64_t key = 0; // 0 when has_key is false
    bool has_key = false;  // there is a key that is an unsigned integer, also written 1.0 or "1"
    int status = 0;        // 100…599; 0: absent or invalid, or the reply is foreign
    int retry_after_s = 0; // with status 429 or 503: 1 to 86,400; 0: absent or invalid
    std::optional<std::int64_t> errorcode;
    std::string_view headers; // raw JSON object (wire/packet_headers.hpp); empty: none
    bool is_stream = false;   // an msd reply that opens a stream; the body has no meaning
    // The body is these pieces in order: views into the frame, static text, or `joined`.
    std::array<std::string_view, 4> pieces;
    std::size_t piece_count = 0;
    std::unique_ptr<std::string> joined; // when repeated members leave more pieces than fit

    [[nodiscard]] std::span<const std::string_view> body() const {
        return std::span{pieces}.first(piece_count);
    }
};

/// One pass over the top-level members of a packet with a top-level key, whatever its kind():
/// foreign replies may have `uri` and `method`. errc::malformed without such a key. The frame must
/// outlive the envelope.
[[nodiscard]] result<envelope>
open_envelope(const packet& reply, reply_dialect spoken = reply_dialect::msd);

/// The number that a raw key token means. A node may send the key 7 back as 7, 7.0 or "7".
[[nodiscard]] std::optional<std::uint64_t> correlation_key(const json::value& token);

} // namespace msd::wire
