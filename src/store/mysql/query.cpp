// SPDX-License-Identifier: Apache-2.0
#include "store/mysql/driver_parts.hpp"

#include <cppconn/datatype.h>

#include <cassert>
#include <utility>

namespace msd::store::mysql {

namespace {

// The driver keeps a statement's last result in memory: a statement with larger results is closed.
constexpr std::size_t kept_result_bytes_max = std::size_t{64} * 1024;

} // namespace

query::query(connection& on, std::string_view sql) : on_{on}, sql_{sql} {
    const auto prepared = on.prepare(sql);
    if (prepared) {
        prepared_ = *prepared;
    } else {
        failed_ = prepared.error();
    }
}

query::~query() {
    if (prepared_ == nullptr) {
        return;
    }
    prepared_->rows.reset();
    if (bytes_ > kept_result_bytes_max) {
        on_.drop(sql_);
    }
}

template <class Set>
query& query::bind_with(Set set) {
    ++bound_;
    if (!failed_) {
        try {
            set(*prepared_->prepared);
        } catch (...) {
            failed_ = on_.caught();
        }
    }
    return *this;
}

query& query::bind(std::int64_t number) {
    return bind_with([&](auto& statement) { statement.setInt64(bound_, number); });
}

query& query::bind(std::string_view text) {
    return bind_with([&](auto& statement) {
        statement.setString(bound_, sql::SQLString{text.data(), text.size()});
    });
}

query& query::bind(std::optional<std::int64_t> number) {
    if (number) {
        return bind(*number);
    }
    return bind_with([&](auto& statement) { statement.setNull(bound_, sql::DataType::BIGINT); });
}

query& query::bind_real(double number) {
    return bind_with([&](auto& statement) { statement.setDouble(bound_, number); });
}

result<bool> query::next() {
    if (failed_) {
        return tl::unexpected{*failed_};
    }
    try {
        if (!std::exchange(executed_, true)) {
            prepared_->rows.reset(prepared_->prepared->executeQuery());
        }
        if (!prepared_->rows->next()) {
            return false;
        }
        read_row();
    } catch (...) {
        failed_ = on_.caught();
    }
    if (failed_) {
        return tl::unexpected{*failed_};
    }
    return true;
}

void query::read_row() {
    const auto& from = *prepared_->rows;
    for (std::size_t i = 0; i < prepared_->columns.size(); ++i) {
        cell& into = row_[i];
        const auto column = static_cast<std::uint32_t>(i + 1);
        into.null = from.isNull(column);
        switch (prepared_->columns[i]) {
        case column_type::integer:
            into.number = into.null ? 0 : from.getInt64(column);
            break;
        case column_type::unsigned_integer: {
            const std::uint64_t number = into.null ? 0 : from.getUInt64(column);
            if (!std::in_range<std::int64_t>(number)) {
                failed_ = on_.fail_with({failure_kind::internal, 0});
            }
            into.number = static_cast<std::int64_t>(number);
            break;
        }
        case column_type::real:
            into.real = into.null ? 0 : static_cast<double>(from.getDouble(column));
            break;
        case column_type::text:
            into.text = into.null ? std::string{} : from.getString(column).asStdString();
            bytes_ += into.text.size();
            break;
        case column_type::other:
            break;
        }
    }
}

result<std::int64_t> query::run() {
    if (failed_) {
        return tl::unexpected{*failed_};
    }
    try {
        return prepared_->prepared->executeUpdate();
    } catch (...) {
        failed_ = on_.caught();
        return tl::unexpected{*failed_};
    }
}

std::int64_t query::integer(std::size_t column) const {
    [[maybe_unused]] const auto type = prepared_->columns[column];
    assert(type == column_type::integer || type == column_type::unsigned_integer);
    return row_[column].number;
}

double query::real(std::size_t column) const {
    assert(prepared_->columns[column] == column_type::real);
    return row_[column].real;
}

std::string_view query::text(std::size_t column) const {
    assert(prepared_->columns[column] == column_type::text);
    return row_[column].text;
}

bool query::is_null(std::size_t column) const {
    return row_[column].null;
}

} // namespace msd::store::mysql
