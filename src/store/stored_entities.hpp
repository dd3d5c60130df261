// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/entity.hpp"
#include "store/mysql/backend.hpp"
#include "store/mysql/goods_table.hpp"
#include "store/mysql/members_table.hpp"
#include "store/mysql/purchases_table.hpp"
#include "store/places_table.hpp"
#include "store/sqlite/backend.hpp"
#include "store/sqlite/goods_table.hpp"
#include "store/sqlite/members_table.hpp"
#include "store/sqlite/purchases_table.hpp"
#include "store/transfer_rows.hpp"

#include <string_view>

// The list of stored entities: opening, migration, diagnosis, transfer and the commands of the
// command line go through it. Outside of the store, stored_services() has their names.
namespace msd::store {

template <class Rows, class Repository, class Embedded, class Server>
struct stored {
    static constexpr std::string_view service = Rows::service;
    using rows = Rows;             // in an export
    using repository = Repository; // what the service uses
    using embedded = Embedded;     // the repository on SQLite
    using server = Server;         // the repository on MySQL
    // Earlier versions of msd and existing deployments do not have it: a place without its rows is
    // not an error.
    static constexpr bool is_alone = false;
};

// An entity whose table is msd's own and equal on every database.
template <class Entity, class Repository, template <class> class Table>
struct stored_alone
    : stored<transferred<Entity>, Repository, Table<sqlite::backend>, Table<mysql::backend>> {
    static constexpr bool is_alone = true;
};

// Rows refer only to rows of services that come earlier.
using stored_entities = entity_list<
    stored<transferred<goods_entity>, goods_repository, sqlite::goods_table, mysql::goods_table>,
    stored<transferred_members, members_repository, sqlite::members_table, mysql::members_table>,
    stored<
        transferred<purchases_entity>,
        purchases_repository,
        sqlite::purchases_table,
        mysql::purchases_table>,
    stored_alone<places_entity, places_repository, places_table>>;

} // namespace msd::store
