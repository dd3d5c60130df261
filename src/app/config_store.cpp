// SPDX-License-Identifier: Apache-2.0
#include "app/config_row.hpp"
#include "store/server_url.hpp"

#include <iterator>

namespace msd::app {

namespace {

constexpr std::int64_t connections_most = 64;
// Positions of the primary are kept for about this time (core::server_choice::positions_max).
constexpr std::int64_t lag_most_ms = 20'000;

constexpr std::string_view tls_names[] = {"off", "prefer", "verify"}; // as in store::tls_mode

void add_url(config_rows& rows) {
    config_key& url = rows.emplace_back();
    url.name = "store.url";
    url.secret = true; // it may contain a password
    url.text =
        "mysql://USER@HOST:PORT/DATABASE; for a cluster HOST:PORT of each node, separated by "
        "commas; empty: SQLite files in the data directory";
    url.most = text_bytes_max;
    url.put = [](configuration& into, const config_value& value) -> result<void> {
        const auto& text = value.text();
        if (!text.empty()) {
            if (auto read = store::parse_server_url(text); !read) {
                return tl::unexpected{std::move(read.error())};
            }
        }
        into.service.store.url = text;
        return {};
    };
    url.get = [](const configuration& from) {
        return from.service.store.url;
    };
}

void add_replicas(config_rows& rows) {
    config_key& replicas = rows.emplace_back();
    replicas.name = "store.replicas";
    replicas.text =
        "HOST:PORT of replicas, separated by commas, each with read_only set; MariaDB replicas "
        "serve "
        "reads; writes move to a promoted replica, which is writable and does not replicate";
    replicas.most = text_bytes_max;
    replicas.put = [](configuration& into, const config_value& value) -> result<void> {
        const auto& text = value.text();
        if (auto read = store::parse_server_places(text); !read) {
            return tl::unexpected{std::move(read.error())};
        }
        into.service.store.replicas = text;
        return {};
    };
    replicas.get = [](const configuration& from) {
        return from.service.store.replicas;
    };
    add_key(
        rows,
        "store.replica_lag_max_ms",
        {400, lag_most_ms},
        "largest age of data read from a replica; rows written since are read from the "
        "primary",
        [](auto& c) -> auto& { return c.service.store.replica_lag_max; }
    );
}

void add_tls(config_rows& rows) {
    config_key& tls = rows.emplace_back();
    tls.name = "store.tls";
    tls.text = "encryption: never, when the server offers it, or only with a certificate for the "
               "host's name that an authority of store.tls_ca has signed";
    tls.choices = {std::begin(tls_names), std::end(tls_names)};
    tls.put = [](configuration& into, const config_value& value) -> result<void> {
        const auto& chosen = value.text();
        into.service.store.tls = chosen == "off"      ? store::tls_mode::off
                                 : chosen == "verify" ? store::tls_mode::verify
                                                      : store::tls_mode::prefer;
        return {};
    };
    tls.get = [](const configuration& from) {
        return std::string{tls_names[static_cast<std::size_t>(from.service.store.tls)]};
    };
    add_key(
        rows,
        "store.tls_ca",
        {0, text_bytes_max},
        "PEM file of the authorities for tls = \"verify\"; empty: those of the system",
        [](auto& c) -> auto& { return c.service.store.tls_ca; }
    );
}

void add_sharing(config_rows& rows) {
    config_key& shared = rows.emplace_back();
    shared.name = "store.shared_with_legacy";
    shared.of = config::kind::truth;
    shared.text =
        "nodes of an existing deployment use the tables too: keep the password hashes that they "
        "verify; "
        "when this key is not set: true for adopted tables until msd migrate --finish, false for "
        "other tables";
    shared.put = [](configuration& into, const config_value& value) -> result<void> {
        into.service.store.shared_with_legacy = value.truth();
        return {};
    };
    shared.get = [](const configuration& from) {
        return from.service.store.shared_with_legacy.value_or(true);
    };
}

} // namespace

void add_store(config_rows& rows) {
    add_url(rows);
    add_replicas(rows);
    add_key(
        rows,
        "store.password_file",
        {0, text_bytes_max},
        "file that holds the password and nothing else, not readable by others unless root owns it "
        "and its mode is 0444; empty: MSD_STORE_PASSWORD",
        [](auto& c) -> auto& { return c.store_password_file; }
    );
    add_tls(rows);
    add_key(
        rows,
        "store.connections_max",
        {1, connections_most},
        "largest number of connections of one worker, opened on demand",
        [](auto& c) -> auto& { return c.service.store.connections_max; }
    );
    add_key(
        rows,
        "store.connect_timeout_ms",
        {100, minute_ms},
        "time limit to connect to the server; rounded up to whole seconds",
        [](auto& c) -> auto& { return c.service.store.connect_timeout; }
    );
    add_key(
        rows,
        "store.call_timeout_ms",
        {100, minute_ms},
        "time limit for one statement; rounded up to whole seconds",
        [](auto& c) -> auto& { return c.service.store.call_timeout; }
    );
    add_key(
        rows,
        "store.legacy_time_zone",
        {0, text_bytes_max},
        "time zone of dates written by nodes of an existing deployment, for example "
        "+09:00; empty: the server's",
        [](auto& c) -> auto& { return c.service.store.legacy_time_zone; }
    );
    add_sharing(rows);
}

} // namespace msd::app
