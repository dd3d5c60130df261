// SPDX-License-Identifier: Apache-2.0
#include "store/open.hpp"

#include "store/mysql/connection.hpp"
#include "store/mysql/database.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/event_log.hpp"
#include "store/stored_entities.hpp"

#include <string>
#include <utility>

namespace msd::store {

namespace {

asio::awaitable<result<std::unique_ptr<sqlite::database>>>
open_file(store_settings settings, sqlite::schema schema, deadline until) {
    sqlite::database::settings chosen{
        .executor = settings.executor,
        .file = settings.data_dir / (std::string{schema.service} + ".db"),
        .wanted = schema,
        .now_ms = std::move(settings.now_ms)};
    auto opened = co_await sqlite::database::open(std::move(chosen), until);
    co_return opened;
}

template <class Table>
asio::awaitable<result<std::unique_ptr<Table>>>
open_embedded(store_settings settings, deadline until) {
    auto opened = co_await open_file(std::move(settings), Table::wanted_schema(), until);
    if (!opened) {
        co_return tl::unexpected{std::move(opened.error())};
    }
    co_return std::make_unique<Table>(std::move(*opened));
}

template <class Table>
asio::awaitable<result<std::unique_ptr<Table>>>
open_server(store_settings settings, deadline until) {
    if (auto loaded = mysql::connection::load_driver(); !loaded) {
        co_return tl::unexpected{std::move(loaded.error())};
    }
    auto addresses = mysql::addresses_of(settings.server);
    if (!addresses) {
        co_return tl::unexpected{std::move(addresses.error())};
    }
    mysql::database::settings chosen{
        .executor = settings.executor,
        .at = std::move(addresses->at),
        .replicas = addresses->replicas,
        .replica_lag_max = settings.server.replica_lag_max,
        .data_dir = std::move(settings.data_dir),
        .connections_max = settings.server.connections_max,
        .wanted = Table::wanted_schema(),
        .legacy_time_zone = settings.server.legacy_time_zone,
        .shared_with_legacy = settings.server.shared_with_legacy,
        .now_ms = std::move(settings.now_ms)};
    auto opened = co_await mysql::database::open(std::move(chosen), until);
    if (!opened) {
        co_return tl::unexpected{std::move(opened.error())};
    }
    co_return std::make_unique<Table>(std::move(*opened));
}

// Chooses between the embedded and the server database. No other code does.
template <class Repository, class Embedded, class Server>
asio::awaitable<result<std::unique_ptr<Repository>>>
open_table(store_settings settings, deadline until) {
    if (settings.server.url.empty()) {
        auto embedded = co_await open_embedded<Embedded>(std::move(settings), until);
        co_return embedded;
    }
    auto server = co_await open_server<Server>(std::move(settings), until);
    co_return server;
}

} // namespace

asio::awaitable<result<std::unique_ptr<goods_repository>>>
open_goods(store_settings settings, deadline until) {
    return open_table<goods_repository, sqlite::goods_table, mysql::goods_table>(
        std::move(settings),
        until
    );
}

asio::awaitable<result<std::unique_ptr<members_repository>>>
open_members(store_settings settings, deadline until) {
    return open_table<members_repository, sqlite::members_table, mysql::members_table>(
        std::move(settings),
        until
    );
}

asio::awaitable<result<std::unique_ptr<places_repository>>>
open_places(store_settings settings, deadline until) {
    return open_table<
        places_repository,
        places_table<sqlite::backend>,
        places_table<mysql::backend>>(std::move(settings), until);
}

asio::awaitable<result<std::unique_ptr<purchases_repository>>>
open_purchases(store_settings settings, deadline until) {
    return open_table<purchases_repository, sqlite::purchases_table, mysql::purchases_table>(
        std::move(settings),
        until
    );
}

asio::awaitable<result<std::unique_ptr<event_log>>>
open_event_log(event_log_settings settings, deadline until) {
    auto opened =
        co_await open_file(std::move(settings.store), sqlite::event_log::wanted_schema(), until);
    if (!opened) {
        co_return tl::unexpected{std::move(opened.error())};
    }
    const sqlite::event_log::settings chosen{settings.lease, settings.redelivery};
    co_return std::make_unique<sqlite::event_log>(std::move(*opened), chosen);
}

} // namespace msd::store
