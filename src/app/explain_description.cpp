// SPDX-License-Identifier: Apache-2.0
#include "app/command_description.hpp"

namespace msd::app {

command_description describe_explain() {
    return {
        verb::explain,
        "explain",
        "show what the gateway would do with a request now, and why",
        "  msd explain GET '/goods?id=1'\n"
        "  msd explain GET /search --host shop.example --header 'X-Api-Key: abc' --json\n"
        "  msd explain POST /purchases -i up-8000\n"
        "\nOne gateway worker looks at its routes, at the state of its policies and at the\n"
        "instances of the service. Nothing is sent, counted or changed. Needs the control socket\n"
        "of the instance. The exit code is 1 when there is no route, 2 when this is no request.\n",
        command_description::common::instance,
        [](command_line& into) -> std::vector<option_description> {
            return {
                {"METHOD", &into.method, "method: GET, POST, …", true},
                {"TARGET", &into.uri, "path with the query, for example '/goods?id=1'", true},
                {"--host", &into.explain.host, "Host field of the request (default: localhost)"},
                {"--header",
                 &into.explain.headers,
                 "NAME:VALUE, a further field of the request; can be repeated"},
                {"--client",
                 &into.explain.client,
                 "address that the request comes from (default: 127.0.0.1)"},
            };
        }};
}

} // namespace msd::app
