// SPDX-License-Identifier: Apache-2.0
#include "wire/stream_packets.hpp"

#include <utility>

namespace msd::wire {

namespace {

// False when the member is there and is not a string.
bool read_text(const json::object& fields, std::string_view name, std::string& into) {
    const json::value* const found = fields.find(name);
    if (found == nullptr) {
        return true;
    }
    auto text = found->as_string();
    if (!text) {
        return false;
    }
    into = *std::move(text);
    return true;
}

// Why a stream that ended like this is incomplete; empty: it is complete.
std::string failure_in(const json::object& fields) {
    const json::value* const errorcode = fields.find("errorcode");
    if (errorcode == nullptr || errorcode->as_int64() == 0) {
        return {};
    }
    std::string text;
    static_cast<void>(read_text(fields, "errormessage", text));
    return text.empty() ? "errorcode " + std::string{errorcode->text} : text;
}

} // namespace

void append_part(std::string& out, std::string_view key, const stream_part& part) {
    std::string text;
    text.reserve(part.cost());
    json::writer packet{text};
    packet.begin_object().key("key").raw(key).key("chunk").string(part.text);
    if (!part.event.empty()) {
        packet.key("event").string(part.event);
    }
    if (!part.id.empty()) {
        packet.key("id").string(part.id);
    }
    packet.end_object();
    append_frame(out, text);
}

void append_stream_end(
    std::string& out,
    std::string_view key,
    int errorcode,
    std::string_view errormessage
) {
    std::string text;
    json::writer packet{text};
    packet.begin_object().key("key").raw(key).key("end").boolean(true);
    if (errorcode != 0) {
        packet.key("errorcode").integer(errorcode);
        packet.key("errormessage").string(errormessage);
    }
    packet.end_object();
    append_frame(out, text);
}

result<stream_packet> read_stream_packet(const packet& received) {
    const json::object& fields = received.fields();
    const json::value* const end = fields.find("end");
    stream_packet out;
    out.has_part = fields.find("chunk") != nullptr;
    if (end != nullptr && !end->as_bool()) {
        return fail(errc::malformed, "the end of a stream must be true or false");
    }
    out.ends = end != nullptr && *end->as_bool();
    if (!out.has_part && !out.ends) {
        return fail(errc::malformed, "a packet of a stream must have a chunk or the end");
    }
    if (!read_text(fields, "chunk", out.part.text) || !read_text(fields, "event", out.part.event) ||
        !read_text(fields, "id", out.part.id)) {
        return fail(errc::malformed, "chunk, event and id of a stream must be strings");
    }
    if (out.part.cost() > stream_part_cost_max) {
        return fail(errc::too_large, "a part of a stream is too large");
    }
    if (out.ends) {
        out.failure = failure_in(fields);
    }
    return out;
}

void append_credit(std::string& out, std::uint64_t key, std::size_t bytes) {
    append_frame(
        out,
        "{\"credit\":" + std::to_string(key) + ",\"bytes\":" + std::to_string(bytes) + "}"
    );
}

result<credit> read_credit(const packet& received) {
    const json::value* const key = received.fields().find("credit");
    const json::value* const bytes = received.fields().find("bytes");
    const auto count = bytes == nullptr ? std::nullopt : bytes->as_uint64();
    if (key == nullptr || !count || *count == 0 || *count > stream_credit_bytes) {
        return fail(errc::malformed, "a credit must have 1 to 65536 bytes");
    }
    return credit{key->text, static_cast<std::size_t>(*count)};
}

} // namespace msd::wire
