// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace msd::config {
namespace {

documented documented_of(std::string name, kind of, value standard) {
    documented made;
    made.key.name = std::move(name);
    made.key.of = of;
    made.key.text = "the text of " + made.key.name;
    made.standard = std::move(standard);
    return made;
}

// A top level, a section, and an array of tables in it.
std::vector<documented> some_keys() {
    documented host = documented_of("host", kind::text, std::string{"h"});
    host.key.needs_restart = true;
    documented port = documented_of("gateway.port", kind::integer, std::int64_t{80});
    port.key.most = 99;
    documented wait = documented_of("gateway.wait_ms", kind::integer, std::int64_t{5});
    wait.key.most = 10;
    wait.key.in = unit::milliseconds;
    documented routes = documented_of("gateway.routes", kind::tables, {});
    routes.key.live = true;
    documented by = documented_of("by", kind::text, std::string{"a"});
    by.key.choices = {"a", "b"};
    routes.of_entries = {by, documented_of("hosts", kind::texts, list{})};
    documented boxes = documented_of("box.*", kind::named, {});
    boxes.of_entries = {documented_of("on", kind::truth, true)};
    return {host, port, routes, wait, boxes};
}

TEST(file_reference, contains_every_key_commented_out_below_its_meaning) {
    EXPECT_EQ(
        write_file_reference(some_keys(), "# first\n# second\n\n# old\n#old = 1\n"),
        "# first\n# second\n"
        "\n# the text of host; a change needs a restart\n#host = \"h\"\n"
        "\n[gateway]\n"
        "\n# the text of gateway.port (0 to 99)\n#port = 80\n"
        "\n# the text of gateway.wait_ms (0 to 10 ms)\n#wait_ms = 5\n"
        "\n# the text of gateway.routes; a reload changes it without replacing workers\n"
        "#[[gateway.routes]]\n"
        "\n# the text of by (a, b)\n#by = \"a\"\n"
        "\n# the text of hosts\n#hosts = []\n"
        "\n# the text of box.*\n"
        "#[box.NAME]\n"
        "\n# the text of on\n#on = true\n"
    );
}

TEST(file_reference, breaks_long_texts) {
    documented key = documented_of("k", kind::truth, false);
    key.key.text = std::string(60, 'a') + " " + std::string(37, 'b') + " " + std::string(60, 'c');
    EXPECT_EQ(
        write_file_reference({key}, "#\n\n"),
        "#\n\n# " + std::string(60, 'a') + " " + std::string(37, 'b') + "\n# " +
            std::string(60, 'c') + "\n#k = false\n"
    );
}

TEST(page_reference, replaces_the_lists_and_keeps_the_texts_behind_them) {
    const std::string old = ".Sh NAME\n"
                            ".Sh KEYS\n"
                            ".Ss Top level\n.Bl -tag -width Ds\n.It Ic old\n.El\n"
                            ".Ss Section [gateway]\n.Bl -tag -width Ds\n.El\n.Pp\nkept\n"
                            ".Ss Section [gone]\n.Bl -tag -width Ds\n.El\nlost\n"
                            ".Sh MEMORY\nmore\n";
    const auto made = write_page_reference(some_keys(), old);
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(
        *made,
        ".Sh NAME\n"
        ".Sh KEYS\n"
        ".Ss Top level\n.Bl -tag -width Ds\n"
        ".It Ic host Li = \\(dqh\\(dq\nthe text of host; a change needs a restart\n.El\n"
        ".Ss Section [gateway]\n.Bl -tag -width Ds\n"
        ".It Ic gateway.port Li = 80\nthe text of gateway.port (0 to 99)\n"
        ".It Ic gateway.wait_ms Li = 5\nthe text of gateway.wait_ms (0 to 10 ms)\n.El\n"
        ".Pp\nkept\n"
        ".Ss Section [[gateway.routes]]\n"
        "the text of gateway.routes; a reload changes it without replacing workers\n"
        ".Bl -tag -width Ds\n"
        ".It Ic by Li = \\(dqa\\(dq\nthe text of by (a, b)\n"
        ".It Ic hosts Li = []\nthe text of hosts\n.El\n"
        ".Ss Section [box.NAME]\nthe text of box.*\n.Bl -tag -width Ds\n"
        ".It Ic on Li = true\nthe text of on\n.El\n"
        ".Sh MEMORY\nmore\n"
    );
    EXPECT_EQ(write_page_reference(some_keys(), *made).value(), *made);
}

TEST(page_reference, writes_no_line_that_begins_like_a_request) {
    documented key = documented_of("k", kind::truth, false);
    key.key.text = ".Sh \\x " + std::string(99, 'a') + " 'b";
    const auto made = write_page_reference({key}, "\n.Sh KEYS\n.Sh END\n");
    ASSERT_TRUE(made);
    EXPECT_NE(made->find("\n\\&.Sh \\ex\n"), std::string::npos) << *made;
    EXPECT_NE(made->find("\n\\&'b\n"), std::string::npos) << *made;
}

TEST(page_reference, needs_a_page_with_a_section_for_keys) {
    EXPECT_FALSE(write_page_reference(some_keys(), ".Sh NAME\n"));
    EXPECT_FALSE(write_page_reference(some_keys(), "\n.Sh KEYS\n"));
}

} // namespace
} // namespace msd::config
