// SPDX-License-Identifier: Apache-2.0
#include "app/command_description.hpp"

namespace msd::app {

command_description describe_migrate() {
    return {
        verb::migrate,
        "migrate",
        "migrate the schemas of all services to this version; services do it when they start",
        "  msd migrate --store mysql://msd@db.local/msd --dry-run\n"
        "  msd migrate --data-dir /srv/msd\n"
        "  msd migrate --finish --dry-run\n"
        "\nThe tables of an existing deployment are adopted. Rows, texts and hashes are not "
        "changed,\n"
        "so the existing nodes can continue to use them. When no existing node runs any more,\n"
        "--finish converts the texts to utf8mb4, compares them byte by byte, and keeps only\n"
        "msd's password hashes.\n",
        command_description::common::store,
        [](command_line& into) -> std::vector<option_description> {
            return {
                {"--dry-run", &into.dry_run, "report the steps only"},
                {"--finish",
                 &into.finish,
                 "end the shared use of adopted tables by nodes of an existing deployment"},
            };
        }};
}

} // namespace msd::app
