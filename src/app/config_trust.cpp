// SPDX-License-Identifier: Apache-2.0
#include "app/config_row.hpp"
#include "core/address_list.hpp"

namespace msd::app {

namespace {

// A key whose value is a list of addresses; `field` returns the member that it sets.
template <class Field>
void add_addresses(
    config_rows& rows,
    std::string name,
    std::string text,
    core::address_list::names with,
    const Field& field
) {
    config_key& row = rows.emplace_back();
    row.name = std::move(name);
    row.text = std::move(text);
    row.most = text_bytes_max;
    row.put = [field, with](configuration& into, const config_value& value) -> result<void> {
        auto read = core::address_list::parse(value.text(), with);
        if (!read) {
            return tl::unexpected{std::move(read.error())};
        }
        field(into) = std::move(*read);
        return {};
    };
    row.get = [field](const configuration& from) {
        return field(from).text();
    };
}

} // namespace

void add_trust(config_rows& rows) {
    add_key(
        rows,
        "registry.secret_file",
        {0, text_bytes_max},
        "file with the cluster secret, which nodes prove to each other; several secrets or files, "
        "the newest first, the files separated by commas; empty: MSD_REGISTRY_SECRET",
        [](auto& c) -> auto& { return c.secret_files; }
    );
    rows.back().readers = readers::workers | readers::registry_clients;
    add_addresses(
        rows,
        "registry.foreign_allowed",
        "with a cluster secret: addresses and ranges, separated by commas, from which nodes of "
        "protocol 1 and their callers may connect without it",
        core::address_list::names::refused,
        [](auto& c) -> auto& { return c.distributor.foreign_allowed; }
    );
    rows.back().readers = readers::distributor | readers::services;
    add_addresses(
        rows,
        "registry.allowed_hosts",
        "addresses, ranges and names, separated by commas, that every node may register as its "
        "host; other nodes have to connect from their host or prove the cluster secret",
        core::address_list::names::accepted,
        [](auto& c) -> auto& { return c.distributor.allowed_hosts; }
    );
    rows.back().readers = readers::distributor;
}

} // namespace msd::app
