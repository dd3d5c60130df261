// SPDX-License-Identifier: Apache-2.0
#include "store/open.hpp"

#include "store/sqlite/database.hpp"
#include "store/sqlite/goods_table.hpp"
#include "store/sqlite/members_table.hpp"
#include "store/sqlite/purchases_table.hpp"

#include <string>
#include <utility>

namespace msd::store {

namespace {

// The one place that chooses between databases.
template <class Repository, class Table>
asio::awaitable<result<std::unique_ptr<Repository>>>
open_table(store_settings settings, deadline until) {
    if (!settings.url.empty()) {
        co_return fail(
            errc::invalid,
            "this build has no store but the embedded one: leave the store out"
        );
    }
    const auto schema = Table::wanted_schema();
    sqlite::database::settings chosen{
        .executor = settings.executor,
        .file = settings.data_dir / (std::string{schema.service} + ".db"),
        .wanted = schema,
        .now_ms = std::move(settings.now_ms)};
    auto opened = co_await sqlite::database::open(std::move(chosen), until);
    if (!opened) {
        co_return tl::unexpected{std::move(opened.error())};
    }
    co_return std::make_unique<Table>(std::move(*opened));
}

} // namespace

asio::awaitable<result<std::unique_ptr<goods_repository>>>
open_goods(store_settings settings, deadline until) {
    return open_table<goods_repository, sqlite::goods_table>(std::move(settings), until);
}

asio::awaitable<result<std::unique_ptr<members_repository>>>
open_members(store_settings settings, deadline until) {
    return open_table<members_repository, sqlite::members_table>(std::move(settings), until);
}

asio::awaitable<result<std::unique_ptr<purchases_repository>>>
open_purchases(store_settings settings, deadline until) {
    return open_table<purchases_repository, sqlite::purchases_table>(std::move(settings), until);
}

} // namespace msd::store
