// SPDX-License-Identifier: Apache-2.0
#include "services/logs/log_line.hpp"

#include "base/json.hpp"
#include "base/masking.hpp"
#include "base/printable.hpp"
#include "services/utc_text.hpp"
#include "store/idempotency.hpp"

namespace msd::services {

namespace {

void begin_line(json::writer& line, log_source source) {
    line.begin_object().key("time").string(utc_text(store::utc_now_ms()));
    line.key("source").string(name_of(source));
}

} // namespace

std::string_view name_of(log_source source) {
    switch (source) {
    case log_source::client:
        return "client";
    case log_source::node:
        return "node";
    case log_source::msd:
        break;
    }
    return "msd";
}

log_source source_of(const sender& from) {
    if (from.is_gateway) {
        return log_source::client;
    }
    return from.is_trusted ? log_source::msd : log_source::node;
}

const std::string& address_of(const sender& from) {
    return from.client.empty() ? from.address : from.client;
}

void append_log_line(
    std::string& out,
    const sender& from,
    std::string_view params,
    std::size_t bytes_max
) {
    const log_source source = source_of(from);
    std::string text;
    json::writer line{text};
    begin_line(line, source);
    line.key("from").string(address_of(from));
    if (source != log_source::client && !from.name.empty()) {
        line.key("name").string(from.name);
    }
    if (source == log_source::msd) {
        line.key("proven").boolean(from.is_proven);
    }
    if (params.size() > bytes_max) {
        line.key("cut_from").unsigned_integer(params.size());
        line.key("params").string(masked(cut_text(params, bytes_max)));
    } else {
        line.key("params").raw(params.empty() ? "null" : masked(params));
    }
    line.end_object();
    out += printable_json(text);
    out += '\n';
}

void append_dropped_line(
    std::string& out,
    log_source source,
    std::uint64_t lines,
    std::uint64_t bytes,
    std::string_view most_from
) {
    std::string text;
    json::writer line{text};
    begin_line(line, source);
    line.key("dropped").begin_object();
    line.key("lines").unsigned_integer(lines).key("bytes").unsigned_integer(bytes);
    line.key("most_from").string(most_from).end_object().end_object();
    out += printable_json(text);
    out += '\n';
}

} // namespace msd::services
