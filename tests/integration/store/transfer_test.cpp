// SPDX-License-Identifier: Apache-2.0
#include "integration/store/stores.hpp"
#include "store/open_transfer.hpp"
#include "store/places_repository.hpp"
#include "store/transfer.hpp"
#include "store/transfer_file.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <iterator>

namespace msd::test {
namespace {

using store::transfer_use;

bool go_on(const store::transfer_progress& /*now*/) {
    return true;
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void put(const std::filesystem::path& file, std::string_view content) {
    std::ofstream{file, std::ios::binary} << content;
}

template <class T>
T must(result<T> outcome) {
    EXPECT_TRUE(outcome) << outcome.error().text;
    return std::move(*outcome);
}

// Transfers from every kind of store to every kind of store.
class transfer : public repository_test {
protected:
    using table = std::unique_ptr<store::transfer_table>;

    static constexpr int goods_count = 612; // more than one batch
    static constexpr std::array<std::string_view, 4> services{
        "goods",
        "members",
        "purchases",
        "stores"};

    void fill() {
        auto goods = must(wait(store::open_goods(settings(), soon())));
        for (int i = 1; i <= goods_count; ++i) {
            store::goods_fields fields{
                "연필 🖍 ¶ " + std::to_string(i),
                "a\"b",
                {},
                "line\nbreak"};
            fields.price = *money::from_e4(i * 12'345 - 5'000'000);
            must(wait(goods->add(std::move(fields), {}, soon())));
        }
        must(wait(goods->remove(7, {}, soon())));
        must(wait(goods->remove(goods_count, {}, soon())));
        auto members = must(wait(store::open_members(settings(), soon())));
        const std::string legacy = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";
        must(wait(members->add("kim", {"$argon2id$x", ""}, {}, soon())));
        must(wait(members->add("Kim", {legacy, ""}, {}, soon())));
        must(wait(members->add("KIM", {legacy, "$argon2id$y"}, {}, soon())));
        auto purchases = must(wait(store::open_purchases(settings(), soon())));
        must(wait(purchases->add({1, 2, -3, *money::parse("0.0001")}, {}, soon())));
        now_ms_ += 86'400'123;
        must(wait(purchases->add({2, 999, 1, std::nullopt}, {}, soon())));
        auto places = must(wait(store::open_places(settings(), soon())));
        must(wait(places->add({"연필", {-89.999999999999, 1.0 / 3}}, {}, soon())));
    }

    table source(std::string_view service) {
        return must(store::open_transfer(settings(), service, transfer_use::reading));
    }
    static table target(store_under_test& in, std::string_view service) {
        return must(store::open_transfer(in.settings(), service, transfer_use::writing));
    }
    [[nodiscard]] std::filesystem::path file(std::string_view service) const {
        return directory_.path() / (std::string{service} + ".jsonl");
    }

    void export_all() {
        for (const auto service : services) {
            auto out = must(store::write_transfer_file(file(service), service));
            must(store::copy_rows(*source(service), *out, go_on));
        }
    }

    temporary_directory directory_;
};

TEST_P(transfer, copies_everything_to_any_other_store) {
    fill();
    export_all();
    for (const store_kind& kind : all_stores()) {
        const auto other = kind.make();
        for (const auto service : services) {
            SCOPED_TRACE(kind.name + std::string{service});
            auto from = must(store::read_transfer_file(file(service), service));
            auto to = target(*other, service);
            const auto moved = must(store::copy_rows(*from, *to, go_on));
            EXPECT_EQ(moved.added, moved.total);
            auto stored = source(service);
            const auto found = must(store::compare_rows(*stored, *to, go_on));
            EXPECT_TRUE(found.all_equal()) << testing::PrintToString(found.examples);
            EXPECT_EQ(found.equal, moved.total);
        }
        auto made = other->settings();
        made.executor = loop_.executor();
        auto goods = must(wait(store::open_goods(made, soon())));
        EXPECT_EQ(must(wait(goods->add({"n", "c", {}, "d"}, {}, soon()))), goods_count + 1)
            << "an id that was given out is not given out again";
        // The same holds after a second import of the same rows.
        ASSERT_TRUE(wait(goods->remove(goods_count + 1, {}, soon())));
        goods.reset();
        auto from = must(store::read_transfer_file(file("goods"), "goods"));
        auto to = target(*other, "goods");
        EXPECT_EQ(must(store::copy_rows(*from, *to, go_on)).added, 0);
        to.reset();
        goods = must(wait(store::open_goods(made, soon())));
        EXPECT_EQ(must(wait(goods->add({"n", "c", {}, "d"}, {}, soon()))), goods_count + 2);
    }
}

TEST_P(transfer, continues_after_an_interruption) {
    fill();
    const auto once = [](const store::transfer_progress& /*now*/) {
        return false;
    };
    {
        auto out = must(store::write_transfer_file(file("goods"), "goods"));
        EXPECT_EQ(store::copy_rows(*source("goods"), *out, once).error().code, errc::cancelled);
    }
    EXPECT_EQ(store::read_transfer_file(file("goods"), "goods").error().code, errc::malformed);
    put(file("goods"), content_of(file("goods")) + R"({"id":900,"na)"); // killed during a write
    {
        auto out = must(store::write_transfer_file(file("goods"), "goods"));
        const auto rest = must(store::copy_rows(*source("goods"), *out, go_on));
        EXPECT_LT(rest.added, goods_count - 2);
    }
    const auto other = GetParam().make();
    auto from = must(store::read_transfer_file(file("goods"), "goods"));
    EXPECT_FALSE(store::copy_rows(*from, *target(*other, "goods"), once));
    const auto rest = must(store::copy_rows(*from, *target(*other, "goods"), go_on));
    EXPECT_EQ(rest.done, goods_count - 2);
    EXPECT_LT(rest.added, rest.done);
    const auto again = must(store::copy_rows(*from, *target(*other, "goods"), go_on));
    EXPECT_EQ(again.added, 0);
    EXPECT_TRUE(must(store::compare_rows(*from, *source("goods"), go_on)).all_equal());
}

TEST_P(transfer, never_overwrites_another_row) {
    fill();
    export_all();
    const auto other = GetParam().make();
    auto made = other->settings();
    made.executor = loop_.executor();
    auto goods = must(wait(store::open_goods(made, soon())));
    must(wait(goods->add({"mine", "c", {}, "d"}, {}, soon())));
    auto from = must(store::read_transfer_file(file("goods"), "goods"));
    const auto refused = store::copy_rows(*from, *target(*other, "goods"), go_on);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::conflict);
    EXPECT_THAT(refused.error().text, testing::HasSubstr("goods 1 "));
    EXPECT_EQ(must(wait(goods->find(1, soon()))).fields.name, "mine");
    EXPECT_EQ(must(target(*other, "goods")->count()), 1) << "all or nothing";
}

TEST_P(transfer, reports_rows_that_are_not_equal) {
    fill();
    export_all();
    auto goods = must(wait(store::open_goods(settings(), soon())));
    must(wait(goods->remove(3, {}, soon())));
    must(wait(goods->replace({5, {"other", "c", {}, "d"}}, {}, soon())));
    const auto added = must(wait(goods->add({"more", "c", {}, "d"}, {}, soon())));
    auto first = must(store::read_transfer_file(file("goods"), "goods"));
    const auto found = must(store::compare_rows(*first, *source("goods"), go_on));
    EXPECT_FALSE(found.all_equal());
    EXPECT_EQ(found.only_first, 1);
    EXPECT_EQ(found.different, 1);
    EXPECT_EQ(found.only_second, 1);
    EXPECT_THAT(found.examples, testing::ElementsAre(3, 5, added));
}

TEST_P(transfer, refuses_a_damaged_file_before_it_writes) {
    fill();
    export_all();
    const std::string good = content_of(file("goods"));
    const auto at = good.find("line\\nbreak");
    std::string changed = good;
    changed[at] = 'L';
    for (const std::string& bad :
         {changed,
          good.substr(0, good.size() / 2),
          good + "x\n",
          good.substr(good.find('\n') + 1),
          std::string{}}) {
        put(file("goods"), bad);
        const auto refused = store::read_transfer_file(file("goods"), "goods");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, errc::malformed) << refused.error().text;
        EXPECT_THAT(refused.error().text, testing::HasSubstr(file("goods").string()));
    }
    put(file("goods"), good);
    EXPECT_EQ(store::read_transfer_file(file("goods"), "members").error().code, errc::malformed);
    EXPECT_EQ(store::write_transfer_file(file("goods"), "goods").error().code, errc::conflict);
    EXPECT_TRUE(store::read_transfer_file(file("goods"), "goods"));
}

INSTANTIATE_TEST_SUITE_P(stores, transfer, testing::ValuesIn(all_stores()), name_of);

} // namespace
} // namespace msd::test
