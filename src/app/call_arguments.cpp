// SPDX-License-Identifier: Apache-2.0
#include "app/call_arguments.hpp"

#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace msd::app {

result<std::string> call_params(std::span<const std::string> words) {
    if (words.size() == 1 && words.front().starts_with('{')) {
        json::object object;
        if (auto parsed = object.parse(words.front()); !parsed) {
            return fail(errc::invalid, fmt::format("PARAMS: {}", parsed.error().text));
        }
        return words.front();
    }
    std::vector<std::pair<std::string_view, std::string_view>> members;
    for (const std::string& word : words) {
        const std::string_view text{word};
        const auto equals = text.find('=');
        if (equals == 0 || equals == std::string_view::npos) {
            return fail(
                errc::invalid,
                fmt::format("\"{}\" is neither name=value nor a JSON object", word)
            );
        }
        const std::string_view name = text.substr(0, equals);
        std::erase_if(members, [name](const auto& each) { return each.first == name; });
        members.emplace_back(name, text.substr(equals + 1));
    }
    std::string params;
    json::writer out{params};
    out.begin_object();
    for (const auto& [name, value] : members) {
        out.key(name).string(value);
    }
    out.end_object();
    return params;
}

} // namespace msd::app
