// SPDX-License-Identifier: Apache-2.0
#include "app/command_description.hpp"

namespace msd::app {

command_description describe_top() {
    constexpr std::int64_t hour_s = 3600;
    return {
        verb::top,
        "top",
        "show the requests of routes, services and instances as they happen",
        "  msd top\n"
        "  msd top -i up-8000 --interval 5\n"
        "  msd top --once                     one table, for a file or a mail\n"
        "  msd top --json | jq .services\n"
        "\nRates, latencies and errors are those of the last interval. The rows with the most\n"
        "requests come first; what does not fit is left out. Ends with q or Ctrl-C. Without a\n"
        "terminal it prints one table, as --once does. Needs the control socket of the instance.\n",
        command_description::common::instance,
        [](command_line& into) -> std::vector<option_description> {
            return {
                {"--interval",
                 &into.top.interval_s,
                 "seconds between two looks (default: 1)",
                 false,
                 1,
                 hour_s},
                {"--once", &into.top.once, "print one table and exit"},
            };
        }};
}

} // namespace msd::app
