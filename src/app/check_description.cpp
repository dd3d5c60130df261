// SPDX-License-Identifier: Apache-2.0
#include "app/command_description.hpp"

namespace msd::app {

command_description describe_check() {
    return {
        verb::check,
        "check",
        "check a configuration file and the servers that it names",
        "  msd check /etc/msd/msd.toml\n"
        "\nConnects to the store and the cache, and changes nothing. The exit code is 78 when the\n"
        "file is wrong, 1 when the store or the cache cannot be used.\n",
        command_description::common::none,
        [](command_line& into) -> std::vector<option_description> {
            return {
                {"--json", &into.as_json, "print JSON"},
                {"FILE", &into.file, "configuration file", true},
            };
        }};
}

} // namespace msd::app
