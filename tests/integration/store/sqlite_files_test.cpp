// SPDX-License-Identifier: Apache-2.0
// The files that SQLite opens and deletes on behalf of a database that somebody has prepared.
#include "integration/store/temporary_directory.hpp"
#include "store/data_directory.hpp"
#include "store/sqlite/connection.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t page_bytes = 4096; // of a new database
constexpr std::uint32_t sector_bytes = 512;

std::string big_endian(std::uint32_t number) {
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        bytes += static_cast<char>((number >> shift) & 0xFFU);
    }
    return bytes;
}

class prepared_database : public testing::Test {
protected:
    prepared_database() : file_{in_.path() / "data/goods.db"} {
        EXPECT_TRUE(prepare_data_directory(file_.parent_path()));
        EXPECT_TRUE(create_private_file(file_));
        auto made = connection::open(file_, connection::purpose::writing);
        EXPECT_TRUE(made->execute("PRAGMA journal_mode=DELETE; CREATE TABLE a(id INTEGER)"));
    }

    // A journal without pages, as of a transaction over several databases that was interrupted.
    void name_super_journal(const fs::path& super) const {
        const std::string magic{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"};
        const auto pages = static_cast<std::uint32_t>(fs::file_size(file_) / page_bytes);
        std::string text = magic + big_endian(0) + big_endian(1) + big_endian(pages) +
                           big_endian(sector_bytes) + big_endian(page_bytes);
        text.resize(sector_bytes);
        const std::string& name = super.native();
        std::uint32_t sum = 0;
        for (const char each : name) {
            sum += static_cast<unsigned char>(each);
        }
        text += big_endian(0x40000000 / page_bytes + 1) + name;
        text += big_endian(static_cast<std::uint32_t>(name.size())) + big_endian(sum) + magic;
        std::ofstream{journal(), std::ios::binary} << text;
        std::ofstream{super} << "no other journal"; // SQLite ignores an empty one
    }

    [[nodiscard]] fs::path journal() const { return file_.native() + "-journal"; }

    [[nodiscard]] bool reads(connection::purpose how) const {
        auto opened = connection::open(file_, how);
        return opened && query{*opened, "SELECT COUNT(*) FROM a"}.next().has_value();
    }

    test::temporary_directory in_;
    fs::path file_;
};

TEST_F(prepared_database, does_not_delete_a_file_elsewhere) {
    const fs::path victim = in_.path() / "victim";
    for (const auto how : {connection::purpose::reading, connection::purpose::writing}) {
        name_super_journal(victim);
        EXPECT_FALSE(reads(how));
        EXPECT_TRUE(fs::exists(victim));
    }
    const fs::path beside = in_.path() / "data/orders.csv";
    name_super_journal(beside);
    EXPECT_FALSE(reads(connection::purpose::reading));
    EXPECT_TRUE(fs::exists(beside));
}

TEST_F(prepared_database, still_completes_a_transaction_over_several_databases) {
    const fs::path super = in_.path() / "data/goods.db-mj012345678";
    name_super_journal(super);
    EXPECT_TRUE(reads(connection::purpose::reading));
    EXPECT_FALSE(fs::exists(super));
    EXPECT_FALSE(fs::exists(journal()));
}

TEST_F(prepared_database, is_examined_without_a_change) {
    const auto names = [this] {
        std::vector<std::string> found;
        for (const auto& each : fs::directory_iterator{file_.parent_path()}) {
            found.push_back(each.path().filename());
        }
        std::sort(found.begin(), found.end());
        return found;
    };
    EXPECT_TRUE(reads(connection::purpose::examining));
    EXPECT_EQ(names(), std::vector<std::string>{"goods.db"});
    name_super_journal(in_.path() / "victim");
    const auto before = names();
    EXPECT_TRUE(reads(connection::purpose::examining));
    EXPECT_EQ(names(), before);
    EXPECT_TRUE(fs::exists(in_.path() / "victim"));
}

TEST_F(prepared_database, is_examined_with_what_another_connection_has_committed) {
    const auto examined = [this] {
        auto on = connection::open(file_, connection::purpose::examining);
        query counting{*on, "SELECT COUNT(*) FROM a"};
        return counting.next() ? counting.integer(0) : -1;
    };
    {
        auto running = connection::open(file_, connection::purpose::writing);
        ASSERT_TRUE(running->execute("INSERT INTO a VALUES(1)"));
        EXPECT_TRUE(fs::exists(file_.native() + "-wal"));
        EXPECT_EQ(examined(), 1);
        ASSERT_TRUE(running->execute("INSERT INTO a VALUES(2)"));
        EXPECT_EQ(examined(), 2);
        auto on = connection::open(file_, connection::purpose::examining);
        EXPECT_FALSE(on->execute("INSERT INTO a VALUES(3)"));
    }
    EXPECT_FALSE(fs::exists(file_.native() + "-wal"));
    EXPECT_EQ(examined(), 2);
}

TEST_F(prepared_database, with_a_name_of_several_meanings_in_a_uri_is_examined) {
    const fs::path odd = in_.path() / "50%41?mode=rwc#x";
    fs::create_directory(odd);
    fs::copy_file(file_, odd / "goods.db");
    file_ = odd / "goods.db";
    EXPECT_TRUE(reads(connection::purpose::examining));
}

TEST_F(prepared_database, is_refused_with_a_file_beside_it_that_others_can_write) {
    const fs::path log = file_.native() + "-wal";
    std::ofstream{log} << "";
    ASSERT_EQ(::chmod(log.c_str(), 0666), 0);
    const auto refused = connection::open(file_, connection::purpose::reading);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::denied);
    EXPECT_NE(refused.error().text.find(log.native() + " (mode 0666)"), std::string::npos);
}

// Whoever can open a database can lock it.
TEST_F(prepared_database, becomes_private_when_it_is_opened) {
    ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
    EXPECT_TRUE(reads(connection::purpose::examining));
    EXPECT_EQ(fs::status(file_).permissions(), fs::perms{0644});
    EXPECT_TRUE(reads(connection::purpose::reading));
    EXPECT_EQ(fs::status(file_).permissions(), fs::perms{0600});
}

} // namespace
} // namespace msd::store::sqlite
