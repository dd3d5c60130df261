// SPDX-License-Identifier: Apache-2.0
#include "wire/packet.hpp"

#include <cassert>
#include <utility>

namespace msd::wire {

namespace {

constexpr std::string_view escaped_terminator = "\\u00b6";

// Ends the frame that begins at `begin` with a terminator, and escapes every ¶ inside it. In UTF-8
// the bytes C2 B6 are always ¶, and valid JSON has a ¶ only in strings, where the escape is equal.
void end_frame(std::string& out, std::size_t begin) {
    const std::size_t found = out.find(terminator, begin);
    if (found != std::string::npos) {
        const std::string raw = out.substr(found);
        out.resize(found);
        std::string_view rest = raw;
        while (!rest.empty()) {
            if (rest.starts_with(terminator)) { // a search costs more than many terminators
                out += escaped_terminator;
                rest.remove_prefix(terminator.size());
                continue;
            }
            const std::string_view run = rest.substr(0, rest.find(terminator));
            out += run;
            rest.remove_prefix(run.size());
        }
    }
    out += terminator;
}

bool is_uint64(const json::value* value) {
    return value != nullptr && value->as_uint64().has_value();
}

bool is_object(const json::value* value) {
    return value != nullptr && value->type == json::kind::object;
}

std::optional<std::string> string_of(const json::value* value) {
    return value == nullptr ? std::nullopt : value->as_string();
}

int http_status(const json::value& value) {
    const std::optional<std::int64_t> status = value.as_int64();
    return status && *status >= 100 && *status <= 599 ? static_cast<int>(*status) : 0;
}

void append_text_member(json::writer& packet, std::string_view name, std::string_view text) {
    if (!text.empty()) {
        packet.key(name).string(text);
    }
}

constexpr std::int64_t retry_after_max_s = 86'400;

int retry_after_s(const json::value* value) {
    const auto seconds = value == nullptr ? std::nullopt : value->as_int64();
    return seconds && *seconds >= 1 && *seconds <= retry_after_max_s ? static_cast<int>(*seconds)
                                                                     : 0;
}

// Replies with these say when to try again.
bool has_retry_after(int status) {
    return status == 429 || status == 503;
}

// Whether the body is without the member. A member of that kind is read into `out` on the way.
// `out.status` is 0 for a foreign reply.
bool is_cut(const json::member& member, reply_dialect spoken, envelope& out) {
    if (member.name == "key") {
        return true;
    }
    if (spoken == reply_dialect::foreign) {
        return false;
    }
    if (member.name == "headers" && is_object(&member.val)) {
        out.headers = member.val.text;
        return true;
    }
    if (member.name == "stream" && member.val.as_bool() == true) {
        out.is_stream = true;
        return true;
    }
    return member.name == "status" || (has_retry_after(out.status) && member.name == "retry_after");
}

void add_piece(envelope& out, std::string_view piece) {
    if (out.joined) {
        *out.joined += piece;
    } else if (out.piece_count < out.pieces.size()) {
        out.pieces.at(out.piece_count++) = piece;
    } else {
        out.joined = std::make_unique<std::string>();
        for (const std::string_view before : out.pieces) {
            *out.joined += before;
        }
        *out.joined += piece;
    }
}

// Builds the body from slices of the frame. A slice is a run of adjacent members that are kept; the
// first one includes the opening brace, the last one the closing brace, and a slice that another
// one follows includes the comma.
void cut_body(const json::object& fields, reply_dialect spoken, envelope& out) {
    const std::string_view text = fields.text();
    const char* run = text.data(); // begin of the present run, at first the opening brace
    const char* run_end = run + 1;
    const char* cut = nullptr; // the first removed member after that run
    for (const json::member& member : fields) {
        const char* const begin = member.raw.data();
        if (is_cut(member, spoken, out)) {
            cut = cut == nullptr ? begin : cut;
            continue;
        }
        if (cut != nullptr) {
            add_piece(out, {run, cut});
            run = begin;
            cut = nullptr;
        }
        run_end = begin + member.raw.size();
    }
    if (cut == nullptr) {
        add_piece(out, {run, text.data() + text.size()});
    } else {
        add_piece(out, {run, run_end});
        add_piece(out, "}");
    }
    if (out.joined) {
        out.pieces.front() = *out.joined;
        out.piece_count = 1;
    }
}

} // namespace

result<void> packet::parse(std::string_view frame, const json::limits& bounds) {
    kind_ = packet_kind::other;
    key_ = {};
    key_in_params_ = false;
    method_.clear();
    uri_.clear();
    result<void> read = fields_.parse(frame, bounds, {"params", &params_});
    has_params_ = is_object(raw_params());
    find_key();
    if (read) {
        classify();
    }
    return read;
}

void packet::find_key() {
    const json::value* key = fields_.find("key");
    if (key == nullptr && has_params_) {
        key = params_.find("key");
        key_in_params_ = key != nullptr;
    }
    if (key != nullptr) {
        key_ = key->text;
    }
}

// A reply can have any members, so a packet with a top-level key is never one of msd's small
// packets.
void packet::classify() {
    if (const json::value* uri = fields_.find("uri"); uri != nullptr) {
        std::optional<std::string> path = uri->as_string();
        std::optional<std::string> method = string_of(fields_.find("method"));
        if (path && method) {
            uri_ = *std::move(path);
            method_ = *std::move(method);
            kind_ = packet_kind::request;
        }
    } else if (fields_.find("key") != nullptr) {
        kind_ = packet_kind::reply;
    } else if (is_uint64(fields_.find("cancel"))) {
        kind_ = packet_kind::cancel;
    } else if (is_object(fields_.find("hello"))) {
        kind_ = packet_kind::hello;
    } else if (is_object(fields_.find("goaway"))) {
        kind_ = packet_kind::goaway;
    } else if (is_object(fields_.find("changed"))) {
        kind_ = packet_kind::changed;
    } else if (is_uint64(fields_.find("credit"))) {
        kind_ = packet_kind::credit;
    } else if (is_object(fields_.find("auth"))) {
        kind_ = packet_kind::auth;
    }
}

void append_request(std::string& out, const request_fields& request, std::uint64_t key) {
    const std::size_t begin = out.size();
    json::writer packet{out};
    packet.begin_object().key("uri").string(request.uri).key("method").string(request.method);
    packet.key("key").unsigned_integer(key);
    if (request.deadline_ms) {
        packet.key("deadline_ms").integer(*request.deadline_ms);
    }
    append_text_member(packet, "trace", request.trace);
    append_text_member(packet, "id", request.id);
    append_text_member(packet, "idem", request.idem);
    append_text_member(packet, "client", request.client);
    if (!request.headers.empty()) {
        packet.key("headers").raw(request.headers);
    }
    packet.key("params").raw(request.params).end_object();
    end_frame(out, begin);
}

void append_foreign_request(std::string& out, const request_fields& request, std::uint64_t key) {
    json::object params;
    const result<void> parsed = params.parse(request.params);
    assert(parsed);
    const std::size_t begin = out.size();
    json::writer packet{out};
    packet.begin_object().key("uri").string(request.uri).key("method").string(request.method);
    packet.key("key").unsigned_integer(key).key("params").begin_object();
    for (const json::member& param : params) {
        packet.raw_members(param.name == "key" ? std::string_view{} : param.raw);
    }
    packet.key("key").unsigned_integer(key).end_object().end_object();
    end_frame(out, begin);
}

bool append_reply_start(std::string& out, std::string_view key, const reply_fields& reply) {
    assert(!reply.members.empty());
    if (reply.members.find(terminator) != std::string_view::npos) {
        return false;
    }
    append_reply(
        out,
        key,
        {reply.errorcode,
         reply.errormessage,
         {},
         reply.status,
         reply.retry_after_s,
         reply.headers,
         reply.is_stream}
    );
    out.resize(out.size() - reply_end.size());
    out += ',';
    return true;
}

void append_reply(std::string& out, std::string_view key, const reply_fields& reply) {
    const std::size_t begin = out.size();
    json::writer packet{out};
    packet.begin_object();
    if (!key.empty()) {
        packet.key("key").raw(key);
    }
    if (reply.status != 0) {
        packet.key("status").integer(reply.status);
    }
    if (reply.status != 0 && reply.retry_after_s != 0) {
        packet.key("retry_after").integer(reply.retry_after_s);
    }
    if (!reply.headers.empty()) {
        packet.key("headers").raw(reply.headers);
    }
    if (reply.is_stream) {
        packet.key("stream").boolean(true);
    }
    packet.key("errorcode").integer(reply.errorcode);
    packet.key("errormessage").string(reply.errormessage);
    packet.raw_members(reply.members).end_object();
    end_frame(out, begin);
}

void append_frame(std::string& out, std::string_view object) {
    const std::size_t begin = out.size();
    out += object;
    end_frame(out, begin);
}

std::optional<std::uint64_t> correlation_key(const json::value& token) {
    if (token.type != json::kind::string) {
        return token.as_uint64();
    }
    const std::string_view digits = token.text.substr(1, token.text.size() - 2);
    return json::value{json::kind::number, digits}.as_uint64();
}

result<envelope> open_envelope(const packet& reply, reply_dialect spoken) {
    const json::value* const token = reply.fields().find("key");
    if (token == nullptr) {
        return fail(errc::malformed, "the packet has no top-level key");
    }
    envelope out;
    if (const auto key = correlation_key(*token)) {
        out.key = *key;
        out.has_key = true;
    }
    const json::value* const status =
        spoken == reply_dialect::msd ? reply.fields().find("status") : nullptr;
    if (status != nullptr) {
        out.status = http_status(*status);
        if (has_retry_after(out.status)) {
            out.retry_after_s = retry_after_s(reply.fields().find("retry_after"));
        }
    }
    if (const json::value* errorcode = reply.fields().find("errorcode"); errorcode != nullptr) {
        out.errorcode = errorcode->as_int64();
    }
    cut_body(reply.fields(), spoken, out);
    return out;
}

} // namespace msd::wire
