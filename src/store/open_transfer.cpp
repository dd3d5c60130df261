// SPDX-License-Identifier: Apache-2.0
#include "store/open_transfer.hpp"

#include "store/mysql/transfer.hpp"
#include "store/sqlite/transfer.hpp"

namespace msd::store {

result<std::unique_ptr<transfer_table>>
open_transfer(const store_settings& where, std::string_view service, transfer_use use) {
    if (where.server.url.empty()) {
        return sqlite::open_transfer(where.data_dir, service, use);
    }
    return mysql::open_transfer(where.server, service, use);
}

} // namespace msd::store
