// SPDX-License-Identifier: Apache-2.0
#include "app/command_description.hpp"

namespace msd::app {

command_description describe_call() {
    constexpr std::int64_t hour_ms = 3'600'000;
    return {
        verb::call,
        "call",
        "send one request to a service and print its reply",
        "  msd call GET /goods\n"
        "  msd call POST /goods name=pencil category=office price=1.50 description=red\n"
        "  msd call GET /goods '{\"id\":1}' --timeout 1000\n"
        "\nThe exit code is 0 when the reply's errorcode is 0.\n"
        "On a terminal, control and format characters of the reply are shown as JSON escapes.\n",
        command_description::common::registry,
        [](command_line& into) -> std::vector<option_description> {
            return {
                {"METHOD", &into.method, "method: GET, POST, …", true},
                {"URI", &into.uri, "path, for example /goods", true},
                {"PARAMS", &into.arguments, "name=value …, or one JSON object"},
                {"--timeout",
                 &into.timeout_ms,
                 "time limit in milliseconds (default: 5000)",
                 false,
                 1,
                 hour_ms},
            };
        }};
}

} // namespace msd::app
