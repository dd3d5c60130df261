// SPDX-License-Identifier: Apache-2.0
#include "core/topology_frames.hpp"
#include "integration/store/temporary_directory.hpp"
#include "roles/topology_file.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace msd::roles {
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
    EXPECT_FALSE(file.load());
    file.save(some_nodes());
    file.save(some_nodes());
    const auto loaded = topology_file{path()}.load();
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->nodes().size(), 1U);
    EXPECT_EQ(loaded->nodes()[0], some_nodes().nodes()[0]);
    EXPECT_EQ(loaded->epoch(), 7U);
    EXPECT_EQ(files(), 1U);
    struct stat facts {};
    ASSERT_EQ(stat(path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(topology_file_test, detects_a_list_that_lacks_a_saved_node) {
    topology_file file{path()};
    EXPECT_FALSE(file.knows_more_than(some_nodes()));
    file.save(some_nodes());
    EXPECT_FALSE(file.knows_more_than(some_nodes()));
    EXPECT_TRUE(file.knows_more_than({}));
    topology_file other{path()};
    EXPECT_FALSE(other.knows_more_than({}));
    ASSERT_TRUE(other.load());
    EXPECT_TRUE(other.knows_more_than({}));
}

TEST_F(topology_file_test, saves_nothing_without_a_path) {
    topology_file file{{}};
    file.save(some_nodes());
    EXPECT_FALSE(file.load());
}

TEST_F(topology_file_test, starts_with_nothing_when_the_file_is_damaged) {
    topology_file{path()}.save(some_nodes());
    std::ifstream in{path(), std::ios::binary};
    const std::string whole{std::istreambuf_iterator<char>{in}, {}};
    for (std::size_t size = 0; size < whole.size(); ++size) {
        write(whole.substr(0, size));
        EXPECT_FALSE(topology_file{path()}.load()) << size;
    }
    write(std::string(100'000, '['));
    EXPECT_FALSE(topology_file{path()}.load());
    write(R"({"uri":"/distributes","method":"GET","key":0,"proto":2,"epoch":1,"rev":1})");
    EXPECT_FALSE(topology_file{path()}.load());
    fs::remove(path());
    fs::create_directory(path());
    EXPECT_FALSE(topology_file{path()}.load());
}

TEST_F(topology_file_test, continues_when_its_directory_is_removed) {
    topology_file file{directory_.path() / "no" / "where"};
    file.save(some_nodes());
    EXPECT_FALSE(file.load());
}

} // namespace
} // namespace msd::roles
