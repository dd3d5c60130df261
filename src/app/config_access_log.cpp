// SPDX-License-Identifier: Apache-2.0
// The keys of the gateway's access log.
#include "app/config_row.hpp"

namespace msd::app {

void add_access_log(config_rows& rows) {
    add_key(
        rows,
        "gateway.access_log",
        {0, text_bytes_max},
        "a line for each request: off, as text in the format combined of other web servers, or as "
        "JSON with the times of the stages; secrets in queries become ***",
        [](auto& c) -> auto& { return c.gateway.access_log.format; }
    );
    rows.back().choices = {"off", "combined", "json"};
    add_key(
        rows,
        "gateway.access_log_file",
        {0, text_bytes_max},
        "file of the access log, created when it does not exist; empty: standard output; opened "
        "again by USR1 and msd ctl reopen",
        [](auto& c) -> auto& { return c.gateway.access_log.file; }
    );
}

} // namespace msd::app
