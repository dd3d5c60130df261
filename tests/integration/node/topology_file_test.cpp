// SPDX-License-Identifier: Apache-2.0
#include "core/topology_frames.hpp"
#include "integration/store/temporary_directory.hpp"
#include "node/topology_file.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <string>

namespace msd::node {
namespace {

namespace fs = std::filesystem;

core::topology some_nodes() {
    core::topology known;
    std::string frame = core::snapshot_frame(
        {7, 3},
        {R"({"port":1,"name":"a","urls":["GET/a"],"host":"127.0.0.1"})", 0, false}
    );
    frame.resize(frame.size() - wire::terminator.size());
    wire::packet packet;
    EXPECT_TRUE(packet.parse(frame));
    EXPECT_TRUE(known.apply(packet));
    return known;
}

class topology_file_test : public testing::Test {
protected:
    static std::optional<core::topology> load(topology_file& file) {
        const auto text = file.read();
        if (!text) {
            return std::nullopt;
        }
        core::topology known;
        wire::packet packet;
        auto outcome = packet.parse(*text).and_then([&] { return known.apply(packet); });
        const bool is_usable = outcome && *outcome == core::topology::outcome::changed;
        if (!file.note_loaded(is_usable, known)) {
            return std::nullopt;
        }
        return known;
    }

    static std::optional<core::topology> load(const fs::path& from) {
        topology_file file{from};
        return load(file);
    }

    static int save(topology_file& file, const core::topology& known, std::size_t bytes = 1000) {
        file.begin_save(known);
        int steps = 1;
        while (file.save_step(bytes)) {
            ++steps;
        }
        return steps;
    }

    [[nodiscard]] fs::path path() const { return directory_.path() / "gateway-1.nodes"; }

    void write(const std::string& text) const { std::ofstream{path(), std::ios::binary} << text; }

    [[nodiscard]] std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator{directory_.path()}, fs::directory_iterator{})
        );
    }

    test::temporary_directory directory_;
};

TEST_F(topology_file_test, loads_the_saved_topology) {
    topology_file file{path()};
    EXPECT_FALSE(load(file));
    save(file, some_nodes());
    save(file, some_nodes());
    const auto loaded = load(path());
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->nodes().size(), 1U);
    EXPECT_EQ(loaded->nodes()[0], some_nodes().nodes()[0]);
    EXPECT_EQ(loaded->epoch(), 7U);
    EXPECT_EQ(files(), 1U);
    struct stat facts {};
    ASSERT_EQ(stat(path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(topology_file_test, writes_a_long_list_in_steps_and_replaces_the_file_at_the_end) {
    topology_file file{path()};
    save(file, some_nodes());
    std::string entries;
    for (int port = 1; port <= 100; ++port) {
        entries += (port == 1 ? "" : ",") + fmt::format(
                                                R"({{"port":{},"name":"a","urls":["GET/¶"],)"
                                                R"("host":"127.0.0.1","proto":2,"critical":{}}})",
                                                port,
                                                port == 7
                                            );
    }
    std::string frame = core::snapshot_frame({8, 5}, {entries, 0, false});
    frame.resize(frame.size() - wire::terminator.size());
    core::topology known;
    wire::packet packet;
    ASSERT_TRUE(packet.parse(frame));
    ASSERT_TRUE(known.apply(packet));
    file.begin_save(known);
    ASSERT_TRUE(file.save_step(1000));
    EXPECT_EQ(load(path())->epoch(), 7U) << "the file is whole all the time";
    int steps = 1;
    while (file.save_step(1000)) {
        ++steps;
    }
    EXPECT_GT(steps, 5);
    EXPECT_LT(steps, 20);
    EXPECT_GT(file.pause(), milliseconds{100}) << "a longer list is saved more rarely";
    const auto loaded = load(path());
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->nodes(), known.nodes());
    EXPECT_TRUE(loaded->nodes()[6].critical);
    EXPECT_EQ(loaded->now(), (core::revision{8, 5}));
    EXPECT_EQ(files(), 1U);
}

TEST_F(topology_file_test, leaves_nothing_of_a_save_that_was_not_finished) {
    {
        topology_file file{path()};
        file.begin_save(some_nodes());
    }
    EXPECT_EQ(files(), 0U);
}

TEST_F(topology_file_test, detects_a_list_that_lacks_a_saved_node) {
    topology_file file{path()};
    EXPECT_FALSE(file.knows_more_than(some_nodes()));
    save(file, some_nodes());
    EXPECT_FALSE(file.knows_more_than(some_nodes()));
    EXPECT_TRUE(file.knows_more_than({}));
    topology_file other{path()};
    EXPECT_FALSE(other.knows_more_than({}));
    ASSERT_TRUE(load(other));
    EXPECT_TRUE(other.knows_more_than({}));
}

TEST_F(topology_file_test, saves_nothing_without_a_path) {
    topology_file file{{}};
    save(file, some_nodes());
    EXPECT_FALSE(load(file));
}

TEST_F(topology_file_test, starts_with_nothing_when_the_file_is_damaged) {
    topology_file first{path()};
    save(first, some_nodes());
    std::ifstream in{path(), std::ios::binary};
    const std::string whole{std::istreambuf_iterator<char>{in}, {}};
    for (std::size_t size = 0; size < whole.size(); ++size) {
        write(whole.substr(0, size));
        EXPECT_FALSE(load(path())) << size;
    }
    write(std::string(100'000, '['));
    EXPECT_FALSE(load(path()));
    write(R"({"uri":"/distributes","method":"GET","key":0,"proto":2,"epoch":1,"rev":1})");
    EXPECT_FALSE(load(path()));
    fs::remove(path());
    fs::create_directory(path());
    EXPECT_FALSE(load(path()));
}

TEST_F(topology_file_test, continues_when_its_directory_is_removed) {
    topology_file file{directory_.path() / "no" / "where"};
    save(file, some_nodes());
    EXPECT_FALSE(load(file));
}

} // namespace
} // namespace msd::node
