// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"

#include <asio/detached.hpp>

#include <algorithm>
#include <limits>

namespace msd::test {
namespace {

using store::goods_fields;
using store::idempotency;

// The text of a row for comparisons: "id|name|category|price|description".
void write_row(json::writer& out, const store::goods_view& row) {
    std::string text = std::to_string(row.id);
    const std::string price = row.price.text();
    for (const auto part : {row.name, row.category, std::string_view{price}}) {
        text += '|';
        text += part;
    }
    text += '|';
    text += row.description;
    out.string(text);
}

goods_fields product(std::string name, std::string category = "tests") {
    return {
        .name = std::move(name),
        .category = std::move(category),
        .price = money::parse("4.15").value(),
        .description = "d"};
}

class goods_repository : public repository_test {
protected:
    void SetUp() override { reopen(); }

    void reopen() {
        goods_.reset();
        auto opened = wait(store::open_goods(settings(), soon()));
        ASSERT_TRUE(opened) << opened.error().text;
        goods_ = std::move(*opened);
    }

    std::int64_t add(goods_fields fields) {
        const auto added = wait(goods_->add(std::move(fields), std::nullopt, soon()));
        EXPECT_TRUE(added) << added.error().text;
        return added.value_or(0);
    }

    store::page list(const store::goods_query& query = {}) {
        auto rows = wait(goods_->list(query, write_row, soon()));
        EXPECT_TRUE(rows) << rows.error().text;
        return rows ? std::move(*rows) : store::page{};
    }

    std::unique_ptr<store::goods_repository> goods_;
};

TEST_P(goods_repository, is_empty_at_first) {
    const auto rows = list();
    EXPECT_EQ(rows.count, 0U);
    EXPECT_EQ(rows.rows, "");
    EXPECT_FALSE(rows.next);
}

TEST_P(goods_repository, lists_what_was_added_in_the_order_of_ids) {
    const auto first = add(product("a"));
    const auto second = add(product("b"));
    EXPECT_LT(first, second);
    EXPECT_EQ(
        list().rows,
        "\"" + std::to_string(first) + "|a|tests|4.15|d\",\"" + std::to_string(second) +
            "|b|tests|4.15|d\""
    );
}

TEST_P(goods_repository, returns_texts_byte_for_byte) {
    goods_fields odd{
        .name = "a\u00b6b 연필 \U0001F58A '; DROP TABLE goods; --",
        .category = "? ?1 :x $y %s \\ \"",
        .price = money::from_e4(-money::e4_max).value(),
        .description = std::string{"nul \0 and line\n break", 22}};
    const auto id = add(odd);
    reopen();
    const auto row = wait(goods_->find(id, soon()));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->id, id);
    EXPECT_EQ(row->fields.name, odd.name);
    EXPECT_EQ(row->fields.category, odd.category);
    EXPECT_EQ(row->fields.price, odd.price);
    EXPECT_EQ(row->fields.description, odd.description);
}

TEST_P(goods_repository, does_not_find_an_unknown_id) {
    const auto row = wait(goods_->find(12345, soon()));
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().code, errc::not_found);
    EXPECT_FALSE(wait(goods_->find(std::numeric_limits<std::int64_t>::max(), soon())));
}

TEST_P(goods_repository, filters_by_category_byte_for_byte) {
    add(product("lower", "toys"));
    add(product("upper", "Toys"));
    add(product("space", "toys "));
    store::goods_query query;
    query.category = "toys";
    const auto rows = list(query);
    EXPECT_EQ(rows.count, 1U);
    EXPECT_NE(rows.rows.find("lower"), std::string::npos);
    query.category = "toys' OR '1'='1";
    EXPECT_EQ(list(query).count, 0U);
}

TEST_P(goods_repository, pages_through_all_rows_once) {
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 7; ++i) {
        ids.push_back(add(product("p" + std::to_string(i))));
    }
    store::goods_query query;
    query.rows.limit = 3;
    std::string seen;
    std::size_t pages = 0;
    for (;;) {
        const auto rows = list(query);
        seen += rows.rows + ";";
        ++pages;
        if (!rows.next) {
            break;
        }
        query.rows.after = *rows.next;
        ASSERT_LT(pages, 10U);
    }
    EXPECT_EQ(pages, 3U);
    for (const auto id : ids) {
        const auto mark = "\"" + std::to_string(id) + "|";
        const auto place = seen.find(mark);
        EXPECT_NE(place, std::string::npos);
        EXPECT_EQ(seen.find(mark, place + 1), std::string::npos);
    }
}

TEST_P(goods_repository, has_no_next_page_when_the_last_row_fills_the_page) {
    add(product("a"));
    add(product("b"));
    store::goods_query query;
    query.rows.limit = 2;
    const auto rows = list(query);
    EXPECT_EQ(rows.count, 2U);
    EXPECT_FALSE(rows.next);
}

TEST_P(goods_repository, fills_a_page_from_several_batches_of_rows) {
    constexpr std::size_t there = 201;
    std::vector<std::int64_t> ids;
    while (ids.size() < there) {
        ids.push_back(add(product("p")));
    }
    for (const std::size_t limit : {99U, 100U, 101U, 200U, 201U, 1000U}) {
        store::goods_query query;
        query.rows.limit = static_cast<std::int64_t>(limit);
        const auto rows = list(query);
        const std::size_t wanted = std::min(limit, there);
        EXPECT_EQ(rows.count, wanted) << limit;
        EXPECT_EQ(rows.next, wanted < there ? std::optional{ids[wanted - 1]} : std::nullopt);
    }
}

TEST_P(goods_repository, ends_a_page_before_it_gets_too_large) {
    auto large = product("large");
    large.description.assign(store::page_bytes_max / 3, 'x');
    for (int i = 0; i < 4; ++i) {
        add(large);
    }
    const auto rows = list();
    EXPECT_EQ(rows.count, 2U);
    EXPECT_LE(rows.rows.size(), store::page_bytes_max);
    ASSERT_TRUE(rows.next);
    store::goods_query query;
    query.rows.after = *rows.next;
    EXPECT_EQ(list(query).count, 2U);
}

TEST_P(goods_repository, replaces_all_fields_of_one_row) {
    const auto other = add(product("other"));
    const auto id = add(product("before"));
    const goods_fields fields{
        .name = "after",
        .category = "new",
        .price = money::parse("0.0001").value(),
        .description = ""};
    const auto replaced = wait(goods_->replace({.id = id, .fields = fields}, std::nullopt, soon()));
    ASSERT_TRUE(replaced);
    EXPECT_EQ(*replaced, id);
    EXPECT_EQ(wait(goods_->find(id, soon()))->fields.name, "after");
    EXPECT_EQ(wait(goods_->find(id, soon()))->fields.price.text(), "0.0001");
    EXPECT_EQ(wait(goods_->find(id, soon()))->fields.description, "");
    EXPECT_EQ(wait(goods_->find(other, soon()))->fields.name, "other");
}

TEST_P(goods_repository, does_not_replace_an_unknown_id) {
    const auto replaced =
        wait(goods_->replace({.id = 77, .fields = product("x")}, std::nullopt, soon()));
    ASSERT_FALSE(replaced);
    EXPECT_EQ(replaced.error().code, errc::not_found);
    EXPECT_EQ(list().count, 0U);
}

TEST_P(goods_repository, succeeds_when_a_replacement_changes_nothing) {
    const auto id = add(product("same"));
    EXPECT_TRUE(wait(goods_->replace({.id = id, .fields = product("same")}, std::nullopt, soon())));
}

TEST_P(goods_repository, removes_once_and_never_reuses_the_id) {
    const auto id = add(product("gone"));
    EXPECT_EQ(wait(goods_->remove(id, std::nullopt, soon())).value(), 1);
    EXPECT_EQ(wait(goods_->remove(id, std::nullopt, soon())).value(), 0);
    EXPECT_FALSE(wait(goods_->find(id, soon())));
    EXPECT_GT(add(product("next")), id);
}

TEST_P(goods_repository, keeps_its_rows_when_it_is_opened_again) {
    add(product("kept"));
    reopen();
    EXPECT_EQ(list().count, 1U);
}

TEST_P(goods_repository, executes_a_repeated_write_once) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    const auto first = wait(goods_->add(product("a"), once, soon()));
    const auto repeat = wait(goods_->add(product("a"), once, soon()));
    ASSERT_TRUE(first && repeat);
    EXPECT_EQ(*first, *repeat);
    reopen();
    EXPECT_EQ(wait(goods_->add(product("a"), once, soon())).value(), *first);
    EXPECT_EQ(list().count, 1U);
}

TEST_P(goods_repository, returns_the_recorded_outcome_of_a_removal) {
    const auto id = add(product("a"));
    const idempotency once{.key = "k", .fingerprint = "f"};
    EXPECT_EQ(wait(goods_->remove(id, once, soon())).value(), 1);
    EXPECT_EQ(wait(goods_->remove(id, once, soon())).value(), 1);
}

TEST_P(goods_repository, refuses_a_key_that_was_used_for_a_different_request) {
    ASSERT_TRUE(wait(goods_->add(product("a"), idempotency{"k", "f"}, soon())));
    const auto other = wait(goods_->add(product("b"), idempotency{"k", "g"}, soon()));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, errc::invalid);
    EXPECT_EQ(list().count, 1U);
}

TEST_P(goods_repository, records_nothing_for_a_failed_write) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    const auto id = add(product("a"));
    const store::goods_row absent{.id = id + 1, .fields = product("late")};
    ASSERT_FALSE(wait(goods_->replace(absent, once, soon())));
    ASSERT_EQ(add(product("b")), id + 1);
    EXPECT_TRUE(wait(goods_->replace(absent, once, soon())));
}

TEST_P(goods_repository, keeps_a_key_for_24_hours) {
    const idempotency once{.key = "k", .fingerprint = "f"};
    ASSERT_TRUE(wait(goods_->add(product("a"), once, soon())));
    now_ms_ += store::idempotency_kept.count() - 1;
    ASSERT_TRUE(wait(goods_->add(product("a"), once, soon())));
    EXPECT_EQ(list().count, 1U);
    now_ms_ += 1;
    ASSERT_TRUE(wait(goods_->add(product("a"), once, soon())));
    EXPECT_EQ(list().count, 2U);
    ASSERT_TRUE(wait(goods_->add(product("a"), once, soon())));
    EXPECT_EQ(list().count, 2U) << "the second write is noted anew";
}

TEST_P(goods_repository, recognizes_a_write_that_was_recorded_without_its_client) {
    const auto first = wait(goods_->add(product("a"), idempotency{"k", "f"}, soon()));
    const idempotency retried{
        .key = "client k",
        .fingerprint = "f",
        .unscoped_key = "k",
        .unscoped_until_ms = now_ms_ + 1};
    for (int n = 0; n < 2; ++n) {
        EXPECT_EQ(wait(goods_->add(product("a"), retried, soon())).value(), first.value());
    }
    idempotency different = retried;
    different.key = "other k";
    different.fingerprint = "g";
    ASSERT_TRUE(wait(goods_->add(product("b"), different, soon())));
    EXPECT_EQ(list().count, 2U) << "another client used the same key";
    idempotency later = retried;
    later.key = "third k";
    later.unscoped_until_ms = now_ms_;
    ASSERT_TRUE(wait(goods_->add(product("c"), later, soon())));
    EXPECT_EQ(list().count, 3U) << "the record is not of an earlier version";
}

// Concurrent writes share transactions; each of them succeeds or fails by itself.
asio::awaitable<void> add_one(
    store::goods_repository& goods,
    goods_fields fields,
    std::optional<idempotency> once,
    std::vector<result<std::int64_t>>& out
) {
    auto added = co_await goods.add(std::move(fields), std::move(once), deadline::in(patience));
    out.push_back(std::move(added));
}

TEST_P(goods_repository, commits_the_other_writes_of_a_group_when_one_fails) {
    ASSERT_TRUE(wait(goods_->add(product("a"), idempotency{"used", "f"}, soon())));
    std::vector<result<std::int64_t>> outcomes;
    for (int i = 0; i < 40; ++i) {
        std::optional<idempotency> once;
        if (i % 4 == 0) {
            once = idempotency{"used", "other"};
        }
        asio::co_spawn(
            loop_.context(),
            add_one(*goods_, product("p"), once, outcomes),
            asio::detached
        );
    }
    loop_.run_until([&] { return outcomes.size() == 40; });
    const auto failed = std::ranges::count_if(outcomes, [](const auto& one) { return !one; });
    EXPECT_EQ(failed, 10);
    EXPECT_EQ(list().count, 31U);
}

TEST_P(goods_repository, executes_equal_writes_of_one_group_once) {
    std::vector<result<std::int64_t>> outcomes;
    for (int i = 0; i < 8; ++i) {
        const idempotency once{.key = "same", .fingerprint = "f"};
        asio::co_spawn(
            loop_.context(),
            add_one(*goods_, product("p"), once, outcomes),
            asio::detached
        );
    }
    loop_.run_until([&] { return outcomes.size() == 8; });
    for (const auto& one : outcomes) {
        EXPECT_EQ(one.value(), outcomes.front().value());
    }
    EXPECT_EQ(list().count, 1U);
}

TEST_P(goods_repository, fails_with_timeout_when_the_deadline_has_passed) {
    const auto added =
        wait(goods_->add(product("a"), std::nullopt, deadline::in(milliseconds{-1})));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, errc::timeout);
    EXPECT_EQ(list().count, 0U);
}

INSTANTIATE_TEST_SUITE_P(stores, goods_repository, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
