// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/json_surrogates.hpp"
#include "fuzz_target.hpp"
#include "wire/http_params.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

namespace {

using msd::fuzz::require;
using namespace msd::wire;
namespace json = msd::json;

void check_params(const http_input& input) {
    const auto made = params_of(input);
    if (!made) {
        require(!made.error().text.empty(), "a refusal says why");
        return;
    }
    json::object params;
    require(params.parse(*made).has_value(), "params are an object");
    require(!json::lone_surrogate(*made), "params hold whole characters");
    std::set<std::string_view> names;
    for (const json::member& param : params) {
        require(names.insert(param.name).second, "every name is given once");
    }
    for (const auto& [name, value] : input.path_variables) {
        require(params.find(name)->as_string() == value, "path variables win");
    }
}

} // namespace

// The first line is the query; the rest is the body, which is read as each kind of body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = msd::fuzz::text_of(data, size);
    const std::size_t line_end = std::min(text.find('\n'), size);
    http_input input;
    input.query = text.substr(0, line_end);
    input.body = text.substr(std::min(line_end + 1, size));
    const std::array<std::pair<std::string_view, std::string>, 1> variables{{{"id", "7"}}};
    for (const body_kind kind :
         {body_kind::none, body_kind::json, body_kind::form, body_kind::untyped}) {
        input.kind = kind;
        input.path_variables = {};
        check_params(input);
        input.path_variables = variables;
        check_params(input);
    }
    for (const bool plus_is_space : {false, true}) {
        if (const auto decoded = percent_decode(text, plus_is_space)) {
            require(json::is_utf8(*decoded), "what is decoded is UTF-8");
        }
    }
    return 0;
}
