// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/mysql/connection.hpp"

#include <cppconn/connection.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

// The objects of Connector/C++ that a connection and its queries hold. Private to these two.
namespace msd::store::mysql {

enum class column_type : std::uint8_t { integer, unsigned_integer, real, text, other };

struct connection::statement {
    std::unique_ptr<sql::PreparedStatement> prepared;
    std::vector<column_type> columns;
    std::unique_ptr<sql::ResultSet> rows; // of the present execution
};

struct connection::driver_parts {
    std::unique_ptr<sql::Connection> handle;
    // Declared after `handle`: statements are closed before the connection.
    std::unordered_map<std::string_view, statement> statements;
};

} // namespace msd::store::mysql
