// SPDX-License-Identifier: Apache-2.0
#include "services/logs/secrets.hpp"

#include "base/json.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace msd::services {

namespace {

constexpr std::array<std::string_view, 3> secret_names{"password", "token", "secret"};
constexpr std::string_view mask = "***";

// Levels of nested objects, arrays and JSON in strings. Each level is scanned again, so this bounds
// the cost of one line.
constexpr int levels_max = 12;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(char a, char b) {
    return lower(a) == b;
}

bool is_secret(std::string_view name) {
    return std::any_of(secret_names.begin(), secret_names.end(), [name](std::string_view secret) {
        return std::equal(name.begin(), name.end(), secret.begin(), secret.end(), same_letters);
    });
}

// A quick check, because most lines contain no secret. A name may be written with escapes.
bool may_hold_secret(std::string_view json) {
    if (json.find("\\u") != std::string_view::npos) {
        return true;
    }
    return std::any_of(secret_names.begin(), secret_names.end(), [json](std::string_view secret) {
        const auto found =
            std::search(json.begin(), json.end(), secret.begin(), secret.end(), same_letters);
        return found != json.end();
    });
}

void write(json::writer& out, const json::value& from, int level);

void write_object(json::writer& out, std::string_view text, int level) {
    json::object members;
    if (!members.parse(text)) {
        out.string(mask); // more members than the parser accepts
        return;
    }
    out.begin_object();
    for (const json::member& each : members) {
        out.key(each.name);
        if (is_secret(each.name)) {
            out.string(mask);
        } else {
            write(out, each.val, level + 1);
        }
    }
    out.end_object();
}

void write_array(json::writer& out, std::string_view text, int level) {
    const auto elements = json::elements(text);
    if (!elements) {
        out.string(mask);
        return;
    }
    out.begin_array();
    for (const json::value& each : *elements) {
        write(out, each, level + 1);
    }
    out.end_array();
}

void write_string(json::writer& out, const json::value& from, int level) {
    const std::optional<std::string> text = from.as_string();
    const auto inner = text ? json::parse(*text) : fail(errc::malformed, {});
    if (!inner || (inner->type != json::kind::object && inner->type != json::kind::array)) {
        out.raw(from.text);
        return;
    }
    std::string masked;
    json::writer within{masked};
    write(within, *inner, level + 1);
    out.string(masked);
}

void write(json::writer& out, const json::value& from, int level) {
    const bool may_hold = may_hold_secret(from.text);
    if (may_hold && level >= levels_max) {
        out.string(mask);
    } else if (may_hold && from.type == json::kind::object) {
        write_object(out, from.text, level);
    } else if (may_hold && from.type == json::kind::array) {
        write_array(out, from.text, level);
    } else if (may_hold && from.type == json::kind::string) {
        write_string(out, from, level);
    } else {
        out.raw(from.text);
    }
}

} // namespace

void append_without_secrets(std::string& out, std::string_view json) {
    if (!may_hold_secret(json)) {
        out += json;
        return;
    }
    json::writer writer{out};
    if (const auto whole = json::parse(json)) {
        write(writer, *whole, 0);
    } else {
        writer.string(mask);
    }
}

} // namespace msd::services
