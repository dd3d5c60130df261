// SPDX-License-Identifier: Apache-2.0
#include "app/config_row.hpp"
#include "store/redis/settings.hpp"

namespace msd::app {

namespace {

void add_url(config_rows& rows) {
    config_key& url = rows.emplace_back();
    url.name = "cache.url";
    url.secret = true; // it may contain a password
    url.text = "redis://HOST:PORT[/DATABASE], redis+sentinel://HOST:PORT,…/NAME[/DATABASE] or "
               "redis+cluster://HOST:PORT,…; rediss for TLS; empty: no Redis";
    url.most = text_bytes_max;
    url.put = [](configuration& into, const config_value& value) -> result<void> {
        const auto& text = value.text();
        store::redis::server_url where;
        if (!text.empty()) {
            auto read = store::redis::parse_url(text);
            if (!read) {
                return tl::unexpected{std::move(read.error())};
            }
            where = std::move(*read);
        }
        into.cache_url = text;
        into.service.cache.where = std::move(where);
        return {};
    };
    url.get = [](const configuration& from) {
        return from.cache_url;
    };
}

} // namespace

void add_cache_server(config_rows& rows) {
    add_url(rows);
    add_key(
        rows,
        "cache.password_file",
        {0, text_bytes_max},
        "file that holds the password and nothing else, not readable by others unless root owns it "
        "and its mode is 0444; empty: MSD_CACHE_PASSWORD",
        [](auto& c) -> auto& { return c.cache_password_file; }
    );
    add_key(
        rows,
        "cache.tls_ca",
        {0, text_bytes_max},
        "PEM file of the authorities that may sign the server's certificate; empty: those"
        " of the system",
        [](auto& c) -> auto& { return c.service.cache.ca_file; }
    );
    add_key(
        rows,
        "cache.tls_name",
        {0, text_bytes_max},
        "name that the certificate must have; empty: the host of the connection",
        [](auto& c) -> auto& { return c.service.cache.tls_name; }
    );
    add_key(
        rows,
        "cache.timeout_ms",
        {1, minute_ms},
        "time limit for one reply; after the first late one Redis is not used until a "
        "probe succeeds",
        [](auto& c) -> auto& { return c.service.cache.timeout; }
    );
    add_key(
        rows,
        "cache.connect_timeout_ms",
        {10, minute_ms},
        "time limit to find the server, connect and log in",
        [](auto& c) -> auto& { return c.service.cache.connect_timeout; }
    );
    add_key(
        rows,
        "cache.probe_every_ms",
        {10, minute_ms},
        "pause between probes of a server that is lost or idle",
        [](auto& c) -> auto& { return c.service.cache.probe_every; }
    );
    add_key(
        rows,
        "cache.legacy_keys",
        {},
        "nodes of an existing deployment use this Redis: goods also writes the keys that they read "
        "(ID: the product as JSON), and notices a change of such a key by them at the next read",
        [](auto& c) -> auto& { return c.service.shared.legacy_keys; }
    );
}

} // namespace msd::app
