// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <string_view>

namespace load {

namespace {

bool read_number(std::string_view text, int& out) {
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), end, out);
    return reason == std::errc{} && stopped == end && out >= 0;
}

bool read_mode(std::string_view text, group::kind& out) {
    static const std::map<std::string_view, group::kind> modes{
        {"fresh", group::kind::fresh},
        {"kept", group::kind::kept},
        {"pipelined", group::kind::pipelined},
        {"held", group::kind::held},
    };
    const auto found = modes.find(text);
    if (found == modes.end()) {
        return false;
    }
    out = found->second;
    return true;
}

bool set(group& of, std::string_view key, std::string_view value) {
    const std::map<std::string_view, int*> numbers{
        {"clients", &of.clients},
        {"pause_ms", &of.pause_ms},
        {"depth", &of.depth},
        {"every_us", &of.every_us},
        {"status", &of.status},
    };
    const std::map<std::string_view, std::string*> texts{
        {"method", &of.method},
        {"target", &of.target},
        {"body", &of.body},
        {"expect", &of.expect},
        {"contains", &of.contains},
    };
    if (const auto found = numbers.find(key); found != numbers.end()) {
        return read_number(value, *found->second);
    }
    if (const auto found = texts.find(key); found != texts.end()) {
        *found->second = value;
        return true;
    }
    return key == "mode" && read_mode(value, of.mode);
}

bool set(plan& all, std::string_view key, std::string_view value) {
    if (key == "group") {
        all.groups.emplace_back().name = value;
        return true;
    }
    if (!all.groups.empty()) {
        return set(all.groups.back(), key, value);
    }
    int port = 0;
    if (key == "port" && read_number(value, port) && port < 65'536) {
        all.address.sin_port = htons(static_cast<std::uint16_t>(port));
        return true;
    }
    return key == "timeout_ms" && read_number(value, all.timeout_ms);
}

void replace(std::string& text, std::string_view what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), by);
        at += by.size();
    }
}

std::string filled(std::string text, int c, std::uint64_t n) {
    replace(text, "{c}", std::to_string(c));
    replace(text, "{n}", std::to_string(n));
    return text;
}

} // namespace

std::optional<plan> read_plan(int count, char** words) {
    plan all;
    all.address.sin_family = AF_INET;
    all.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 1; i < count; ++i) {
        const std::string_view word{words[i]};
        const auto equals = word.find('=');
        const bool usable = equals != std::string_view::npos &&
                            set(all, word.substr(0, equals), word.substr(equals + 1));
        if (!usable) {
            std::fprintf(stderr, "msd_load: cannot use \"%s\"\n", words[i]);
            return std::nullopt;
        }
    }
    if (all.address.sin_port == 0 || all.groups.empty()) {
        std::fputs("usage: msd_load port=N [timeout_ms=N] group=NAME key=value…\n", stderr);
        return std::nullopt;
    }
    return all;
}

std::string request_text(const group& of, int c, std::uint64_t n) {
    std::string text = of.method + ' ' + filled(of.target, c, n) + " HTTP/1.1\r\nHost: load\r\n";
    if (of.mode == group::kind::fresh) {
        text += "Connection: close\r\n";
    }
    if (!of.body.empty()) {
        const std::string body = filled(of.body, c, n);
        text += "Content-Type: application/json\r\nContent-Length: ";
        text += std::to_string(body.size()) + "\r\n\r\n" + body;
        return text;
    }
    return text + "\r\n";
}

} // namespace load
