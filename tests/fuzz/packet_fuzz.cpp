// SPDX-License-Identifier: Apache-2.0
#include "fuzz_target.hpp"
#include "wire/frame_reader.hpp"
#include "wire/node_packets.hpp"
#include "wire/packet.hpp"
#include "wire/packet_headers.hpp"
#include "wire/stream_packets.hpp"

#include <algorithm>
#include <string>

namespace {

using msd::fuzz::require;
using namespace msd::wire;
namespace json = msd::json;

constexpr std::size_t packet_bytes_max = 1 << 20;

// The content of `frames`, which must be exactly one frame for every reader of the protocol.
std::string sole_packet(const std::string& frames) {
    require(frames.find(terminator) == frames.size() - terminator.size(), "no terminator inside");
    frame_reader reader{packet_bytes_max};
    const auto room = reader.prepare(frames.size());
    std::copy(frames.begin(), frames.end(), room.begin());
    reader.commit(frames.size());
    const auto [state, packet] = reader.next();
    require(state == frame_reader::status::complete, "a frame written is complete");
    return std::string{packet};
}

void check_request(const packet& seen) {
    request_fields fields;
    fields.method = seen.method();
    fields.uri = seen.uri();
    fields.id = seen.uri();
    const json::value* params = seen.raw_params();
    fields.params = params == nullptr ? "{}" : params->text;
    std::string out;
    append_request(out, fields, 7);
    const std::string frame = sole_packet(out);
    packet again;
    require(again.parse(frame).has_value(), "a request written reads back");
    require(again.kind() == packet_kind::request && again.key() == "7", "it is that request");
    require(again.method() == seen.method() && again.uri() == seen.uri(), "it names the same");
    if (params != nullptr && seen.params() == nullptr) {
        return;
    }
    std::string foreign;
    append_foreign_request(foreign, fields, 8);
    const std::string foreign_frame = sole_packet(foreign);
    require(again.parse(foreign_frame).has_value(), "a foreign request written reads back");
    require(again.key() == "8" && !again.key_in_params(), "its key is at the top");
    require(again.params()->find("key")->text == "8", "its key is among its params, too");
}

bool is_in_body(const json::member& member, const envelope& opened) {
    const bool may_wait = opened.status == 429 || opened.status == 503;
    return member.name != "key" && member.name != "status" &&
           !(member.name == "headers" && member.val.type == json::kind::object) &&
           !(member.name == "stream" && member.val.as_bool() == true) &&
           !(member.name == "retry_after" && may_wait);
}

// The headers of a reply, written again, are the same.
void check_headers(const envelope& opened) {
    const packet_headers read = read_headers(opened.headers);
    require(read.fields.size() <= packet_headers_max, "headers are limited");
    std::string out;
    append_headers(out, read.fields);
    const packet_headers again = read_headers(out);
    require(again.refused == 0, "headers written can be used");
    require(again.fields.size() == read.fields.size(), "headers written read back");
    for (const auto& [name, value] : read.fields) {
        require(is_packet_header(name), "only headers that may be in a packet");
        require(value.find_first_of("\r\n") == std::string_view::npos, "a value has one line");
        require(again.fields.count(name) == read.fields.count(name), "each name as often");
        require(*again.fields.find(name) == *read.fields.find(name), "with the same value");
    }
}

void check_stream(const packet& seen) {
    const auto read = read_stream_packet(seen);
    if (!read) {
        return;
    }
    require(read->has_part || read->ends, "a packet of a stream means something");
    require(read->part.cost() <= stream_part_cost_max, "a part is limited");
    std::string out;
    append_part(out, seen.key(), read->part);
    const std::string frame = sole_packet(out);
    packet again;
    require(again.parse(frame).has_value(), "a part written reads back");
    const auto echoed = read_stream_packet(again);
    require(echoed.has_value() && echoed->part.text == read->part.text, "with the same text");
    require(echoed->part.event == read->part.event, "with the same name");
    require(echoed->part.id == read->part.id, "with the same id");
}

void check_credit(const packet& seen) {
    const auto granted = read_credit(seen);
    if (granted) {
        require(granted->bytes >= 1 && granted->bytes <= stream_credit_bytes, "credit is limited");
        require(seen.fields().find("credit")->text == granted->key, "of that stream");
    }
}

void check_reply(const packet& seen) {
    const auto opened = open_envelope(seen);
    require(opened.has_value(), "a reply can be opened");
    std::string body;
    for (const std::string_view piece : opened->body()) {
        body += piece;
    }
    json::object fields;
    require(fields.parse(body).has_value(), "the body of a reply is an object");
    require(fields.find("key") == nullptr, "without key");
    require(fields.find("status") == nullptr, "without status");
    const auto kept = std::count_if(
        seen.fields().begin(),
        seen.fields().end(),
        [&opened](const json::member& member) { return is_in_body(member, *opened); }
    );
    require(fields.size() == static_cast<std::size_t>(kept), "with all other members");
    const auto foreign = open_envelope(seen, reply_dialect::foreign);
    require(foreign->status == 0, "a foreign reply has no HTTP status");
    require(foreign->headers.empty() && !foreign->is_stream, "no headers, and is no stream");
    if (!opened->headers.empty()) {
        check_headers(*opened);
    }
    check_stream(seen);

    std::string out;
    append_reply(out, seen.key(), {0, "success", {}, opened->status});
    const std::string frame = sole_packet(out);
    packet again;
    require(again.parse(frame).has_value(), "a reply written reads back");
    const auto echoed = open_envelope(again);
    require(echoed->has_key == opened->has_key && echoed->key == opened->key, "with the same key");
}

void check_changed(const packet& seen) {
    const auto made = read_changed(*seen.fields().find("changed"));
    if (!made) {
        return;
    }
    std::string out;
    append_changed(out, *made);
    const std::string frame = sole_packet(out);
    packet again;
    require(again.parse(frame).has_value(), "a change written reads back");
    const auto echoed = read_changed(*again.fields().find("changed"));
    require(echoed.has_value() && echoed->ids == made->ids, "with the same ids");
    require(echoed->untold == made->untold, "with the same value of untold");
    require(echoed->what == made->what, "of the same kind");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view frame = msd::fuzz::text_of(data, size);
    packet seen;
    if (!seen.parse(frame)) {
        require(seen.kind() == packet_kind::other, "a malformed packet has no kind");
        require(seen.key().empty() || json::parse(seen.key()).has_value(), "its key is a value");
        return 0;
    }
    std::string out;
    append_frame(out, seen.fields().text());
    packet again;
    const std::string copy = sole_packet(out);
    require(again.parse(copy).has_value(), "a packet sent on reads back");
    require(again.kind() == seen.kind() && again.uri() == seen.uri(), "as the same");
    if (seen.kind() == packet_kind::request) {
        check_request(seen);
    } else if (seen.kind() == packet_kind::reply) {
        check_reply(seen);
    } else if (seen.kind() == packet_kind::changed) {
        check_changed(seen);
    } else if (seen.kind() == packet_kind::credit) {
        check_credit(seen);
    }
    return 0;
}
