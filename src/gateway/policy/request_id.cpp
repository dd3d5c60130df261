// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/request_id.hpp"

#include "base/uuid.hpp"

#include <algorithm>

namespace msd::gateway::policy {

namespace {

constexpr std::size_t request_id_bytes_max = 128;
constexpr std::string_view name = "X-Request-Id: ";
constexpr std::string_view line_end = "\r\n";

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

std::optional<refusal> set_request_id(exchange_state& exchange) {
    const std::string_view* const given = exchange.head().header("x-request-id");
    const bool usable = given != nullptr && !given->empty() &&
                        given->size() <= request_id_bytes_max && is_visible_ascii(*given);
    exchange.request_id = usable ? std::string{*given} : uuid_v7();
    exchange.reply_lines.reserve(name.size() + exchange.request_id.size() + line_end.size());
    exchange.reply_lines.append(name).append(exchange.request_id).append(line_end);
    return {};
}

} // namespace msd::gateway::policy
