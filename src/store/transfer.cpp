// SPDX-License-Identifier: Apache-2.0
#include "store/transfer.hpp"

#include <utility>

namespace msd::store {

namespace {

tl::unexpected<error> interrupted() {
    return fail(errc::cancelled, "interrupted");
}

// Iterates over the rows of a table.
class row_stream {
public:
    explicit row_stream(transfer_table& from) : from_{from} {}

    /// Advances to the next row; false: there is none.
    result<bool> advance() {
        if (++at_ < rows_.size()) {
            return true;
        }
        auto more = from_.read(last_id_);
        if (!more) {
            return tl::unexpected{std::move(more.error())};
        }
        rows_ = std::move(*more);
        at_ = 0;
        if (!rows_.empty()) {
            last_id_ = rows_.back().id;
        }
        return !rows_.empty();
    }

    [[nodiscard]] const transfer_row& row() const { return rows_[at_]; }

private:
    transfer_table& from_;
    std::vector<transfer_row> rows_;
    std::size_t at_ = 0;
    std::int64_t last_id_ = 0;
};

// Merges two streams: each is at its lowest row that was not compared yet.
class side_by_side {
public:
    side_by_side(transfer_table& first, transfer_table& second) : first_{first}, second_{second} {}

    result<void> begin() { return step(true, true); }
    [[nodiscard]] bool at_end() const { return !in_first_ && !in_second_; }

    result<void> compare(comparison& found) {
        const bool has_first = in_first_ && (!in_second_ || first_.row().id <= second_.row().id);
        const bool has_second = in_second_ && (!in_first_ || second_.row().id <= first_.row().id);
        const auto id = has_first ? first_.row().id : second_.row().id;
        const bool equal = has_first && has_second && first_.row().json == second_.row().json;
        if (equal) {
            ++found.equal;
        } else if (found.examples.size() < comparison::examples_max) {
            found.examples.push_back(id);
        }
        if (!equal) {
            ++(has_first && has_second ? found.different
               : has_first             ? found.only_first
                                       : found.only_second);
        }
        return step(has_first, has_second);
    }

private:
    result<void> step(bool first, bool second) {
        if (first) {
            const auto more = first_.advance();
            if (!more) {
                return tl::unexpected{more.error()};
            }
            in_first_ = *more;
        }
        if (second) {
            const auto more = second_.advance();
            if (!more) {
                return tl::unexpected{more.error()};
            }
            in_second_ = *more;
        }
        return {};
    }

    row_stream first_;
    row_stream second_;
    bool in_first_ = false;
    bool in_second_ = false;
};

result<void> read_next_ids(transfer_table& first, transfer_table& second, comparison& into) {
    const auto of_first = first.next_id();
    if (!of_first) {
        return tl::unexpected{of_first.error()};
    }
    const auto of_second = second.next_id();
    if (!of_second) {
        return tl::unexpected{of_second.error()};
    }
    into.first_next_id = *of_first;
    into.second_next_id = *of_second;
    return {};
}

class empty_table final : public transfer_table {
public:
    result<std::int64_t> count() override { return 0; }
    result<std::vector<transfer_row>> read(std::int64_t /*after*/) override {
        return std::vector<transfer_row>{};
    }
    result<std::int64_t> next_id() override { return 1; }
    result<std::int64_t> resume_after() override { return 0; }
    result<std::size_t> write(std::span<const transfer_row> /*rows*/) override {
        return fail(errc::internal, "nothing can be written here");
    }
    result<void> finish(std::int64_t /*next_id*/) override { return {}; }
};

} // namespace

std::unique_ptr<transfer_table> no_rows() {
    return std::make_unique<empty_table>();
}

result<transfer_progress>
copy_rows(transfer_table& from, transfer_table& to, const transfer_listener& listen) {
    const auto total = from.count();
    if (!total) {
        return tl::unexpected{total.error()};
    }
    auto after = to.resume_after();
    if (!after) {
        return tl::unexpected{std::move(after.error())};
    }
    transfer_progress progress;
    progress.total = *total;
    for (;;) {
        const auto rows = from.read(*after);
        if (!rows) {
            return tl::unexpected{rows.error()};
        }
        if (rows->empty()) {
            break;
        }
        const auto added = to.write(*rows);
        if (!added) {
            return tl::unexpected{added.error()};
        }
        *after = rows->back().id;
        progress.done += static_cast<std::int64_t>(rows->size());
        progress.added += static_cast<std::int64_t>(*added);
        if (!listen(progress)) {
            to.keep();
            return interrupted();
        }
    }
    const auto next_id = from.next_id();
    if (!next_id) {
        return tl::unexpected{next_id.error()};
    }
    if (auto finished = to.finish(*next_id); !finished) {
        return tl::unexpected{std::move(finished.error())};
    }
    return progress;
}

result<comparison>
compare_rows(transfer_table& first, transfer_table& second, const transfer_listener& listen) {
    const auto total = first.count();
    if (!total) {
        return tl::unexpected{total.error()};
    }
    comparison found;
    side_by_side both{first, second};
    if (auto begun = both.begin(); !begun) {
        return tl::unexpected{std::move(begun.error())};
    }
    while (!both.at_end()) {
        if (auto compared = both.compare(found); !compared) {
            return tl::unexpected{std::move(compared.error())};
        }
        const auto done = found.equal + found.different + found.only_first;
        if (!listen({done, 0, *total})) {
            return interrupted();
        }
    }
    if (auto read = read_next_ids(first, second, found); !read) {
        return tl::unexpected{std::move(read.error())};
    }
    return found;
}

} // namespace msd::store
