// SPDX-License-Identifier: Apache-2.0
#include "wire/auth_packets.hpp"

#include "wire/packet.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace msd::wire {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t reason_bytes_max = 512;

tl::unexpected<error> malformed(std::string text) {
    return fail(errc::malformed, std::move(text));
}

std::optional<bytes_32> read_bytes(const json::value* value) {
    const auto hex = value == nullptr ? std::nullopt : value->as_string();
    return hex ? bytes_of_hex(*hex) : std::nullopt;
}

// Without control characters, because the proven text has one value a line.
std::optional<std::string> read_text(const json::value* value, std::size_t bytes_max) {
    auto text = value == nullptr ? std::nullopt : value->as_string();
    const bool usable =
        text && text->size() <= bytes_max && std::none_of(text->begin(), text->end(), [](char c) {
            return (c >= '\0' && c < ' ') || c == '\x7F';
        });
    return usable ? std::move(text) : std::nullopt;
}

bool read_node(const json::value* value, auth_node& into) {
    json::object fields;
    if (value == nullptr || !fields.parse(value->text)) {
        return false;
    }
    auto name = read_text(fields.find("name"), name_bytes_max);
    auto host = read_text(fields.find("host"), name_bytes_max);
    const json::value* const given = fields.find("port");
    const auto port = given == nullptr ? std::nullopt : given->as_uint64();
    if (!name || !host || !port || *port > std::numeric_limits<std::uint16_t>::max()) {
        return false;
    }
    into = {*std::move(name), *std::move(host), static_cast<std::uint16_t>(*port)};
    return true;
}

result<auth_packet> read_opening(const json::object& fields, int version) {
    auth_opening read;
    read.version = version;
    const auto challenge = read_bytes(fields.find("challenge"));
    json::object to;
    const json::value* const target = fields.find("to");
    const bool has_target = target != nullptr && to.parse(target->text);
    const json::value* const registry = has_target ? to.find("registry") : nullptr;
    read.to_registry = registry != nullptr && registry->as_bool().value_or(false);
    const bool is_addressed = has_target && (read.to_registry || read_node(target, read.to));
    if (!challenge || !is_addressed || !read_node(fields.find("from"), read.from)) {
        return malformed("auth has no usable challenge, from and to");
    }
    read.challenge = *challenge;
    return read;
}

result<auth_packet> read_answer(const json::object& fields, int version) {
    auth_answer read;
    read.version = version;
    const auto challenge = read_bytes(fields.find("challenge"));
    const auto listed = json::elements(fields.find("proofs")->text);
    if (!challenge || !listed || listed->empty() || listed->size() > auth_proofs_max) {
        return malformed("auth has no usable challenge and proofs");
    }
    read.challenge = *challenge;
    for (const json::value& each : *listed) {
        const auto proof = read_bytes(&each);
        if (!proof) {
            return malformed("auth has a proof that is not 64 hexadecimal digits");
        }
        read.proofs.push_back(*proof);
    }
    return read;
}

void write_node(json::writer& out, const auth_node& node) {
    out.begin_object().key("name").string(node.name).key("host").string(node.host);
    out.key("port").unsigned_integer(node.port).end_object();
}

} // namespace

result<auth_packet> read_auth(const json::value& auth) {
    json::object fields;
    if (const auto parsed = fields.parse(auth.text); !parsed) {
        return tl::unexpected{parsed.error()};
    }
    if (const json::value* const why = fields.find("refused")) {
        auto text = why->as_string().value_or("");
        text.resize(std::min(text.size(), reason_bytes_max));
        return auth_refusal{std::move(text)};
    }
    if (const json::value* const proof = fields.find("proof")) {
        const auto read = read_bytes(proof);
        if (!read) {
            return malformed("auth has a proof that is not 64 hexadecimal digits");
        }
        return auth_confirmation{*read};
    }
    const json::value* const given = fields.find("version");
    const auto version = given == nullptr ? std::nullopt : given->as_int64();
    if (!version || *version < 0 || *version > std::numeric_limits<int>::max()) {
        return malformed("auth has no version");
    }
    const int number = static_cast<int>(*version);
    return fields.find("proofs") != nullptr ? read_answer(fields, number)
                                            : read_opening(fields, number);
}

void append_auth(std::string& out, const auth_opening& packet) {
    std::string text;
    json::writer auth{text};
    auth.begin_object().key("auth").begin_object();
    auth.key("version").integer(packet.version);
    auth.key("challenge").string(hex_of(packet.challenge)).key("from");
    write_node(auth, packet.from);
    auth.key("to");
    if (packet.to_registry) {
        auth.begin_object().key("registry").boolean(true).end_object();
    } else {
        write_node(auth, packet.to);
    }
    auth.end_object().end_object();
    append_frame(out, text);
}

void append_auth(std::string& out, const auth_answer& packet) {
    std::string text;
    json::writer auth{text};
    auth.begin_object().key("auth").begin_object();
    auth.key("version").integer(packet.version);
    auth.key("challenge").string(hex_of(packet.challenge)).key("proofs").begin_array();
    for (const bytes_32& proof : packet.proofs) {
        auth.string(hex_of(proof));
    }
    auth.end_array().end_object().end_object();
    append_frame(out, text);
}

void append_auth(std::string& out, const auth_confirmation& packet) {
    std::string text;
    json::writer auth{text};
    auth.begin_object().key("auth").begin_object();
    auth.key("proof").string(hex_of(packet.proof)).end_object().end_object();
    append_frame(out, text);
}

void append_auth(std::string& out, const auth_refusal& packet) {
    std::string text;
    json::writer auth{text};
    auth.begin_object().key("auth").begin_object();
    auth.key("refused").string(packet.why).end_object().end_object();
    append_frame(out, text);
}

} // namespace msd::wire
