# SPDX-License-Identifier: Apache-2.0
"""Runs each check over trees that are right, and over trees that are wrong in one way."""

import pathlib
import tempfile
import unittest

import batches
import coroutines
import layers
import single_source
import sources
import style

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
CMAKE = (sources.ROOT / "src/CMakeLists.txt").read_text()


class Sources(unittest.TestCase):
    def test_comments_and_literals_go_and_lines_stay(self):
        text = 'a /* co_await\n */ "co_await \\" x" // co_await\n\'"\' R"(co_await\n)" b\n'
        self.assertNotIn("co_await", sources.bare(text))
        self.assertEqual(text.count("\n"), sources.bare(text).count("\n"))
        self.assertIn("b", sources.bare(text))

    def test_digit_separators_are_no_literals(self):
        self.assertIn("co_await", sources.bare("x = 10'000; co_await f(); y = 20'000;"))

    def test_the_tree_holds_this_file(self):
        self.assertIn("tests/check/checks_test.py", sources.tree())


class Batches(unittest.TestCase):
    def made(self, files, lines_max=100):
        """How many batches these files of one folder make."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (pathlib.Path(folder) / name).write_text(text)
            paths = [pathlib.Path(folder) / name for name in files if name.endswith(".cpp")]
            return len(batches.batches(paths, lines_max))

    def test_files_with_names_of_their_own_share_a_batch(self):
        self.assertEqual(1, self.made({
            "a.cpp": "namespace { int one() { return 1; } }\nint t::f() { int x = 1; return x; }\n",
            "b.cpp": "namespace { int two() { return 2; } }\nint t::g() { int x = 1; return x; }\n",
        }))

    def test_files_that_declare_the_same_name_do_not(self):
        for a, b in (
            ("int one() { return 1; }", "int one(int x) { return x; }"),
            ("constexpr int limit\n    = 1;", "int limit() { return 1; }"),
            ("std::map<int, std::string> rows;", "struct rows final { int x; };"),
            ("struct [[nodiscard]] row : base { int x; };", "enum class row : char { a };"),
            ("template <class T> T of(T x) { return x; }", "std::function<void(int)> of;"),
            ("using action = a::action;", "using action = b::action;"),
            ("#define LIMIT 1", "int LIMIT = 1;"),
            ("namespace fs = std::filesystem;", "namespace fs = other;"),
        ):
            with self.subTest(a=a):
                spaces = "namespace x {{ namespace {{\n{}\n}} }}\n"
                files = {"a.cpp": spaces.format(a), "b.cpp": spaces.format(b)}
                self.assertEqual(2, self.made(files))

    def test_a_name_that_the_other_file_contains_is_a_clash(self):
        files = {"a.cpp": "int limit() { return 1; }", "b.cpp": "void f() { int limit = 1; }"}
        self.assertEqual(2, self.made(files))

    def test_a_name_of_a_header_that_both_include_is_none(self):
        include = '#include "h.hpp"\n'
        self.assertEqual(1, self.made({
            "h.hpp": "int limit();\n",
            "a.cpp": include + "int limit() { return 1; }",
            "b.cpp": include + "int twice() { return 2 * limit(); }",
        }))

    def test_equal_using_declarations_share_a_batch(self):
        text = "using peer = a::peer;\nusing std::string;\nTEST(x, {}) {{}}\nclass forward;\n"
        self.assertEqual(1, self.made({"a.cpp": text.format("a"), "b.cpp": text.format("b")}))

    def test_a_name_that_only_the_other_file_reads_in_a_header_is_a_clash(self):
        header = {"h.hpp": "struct settings { int x; };\n"}
        reads = {"b.cpp": '#include "h.hpp"\n'}
        own = "namespace { int settings() { return 1; } }\n"
        self.assertEqual(2, self.made({**header, **reads, "a.cpp": own}))
        self.assertEqual(1, self.made({**header, **reads, "a.cpp": '#include "h.hpp"\n' + own}))

    def test_a_batch_has_a_limit(self):
        files = {f"{n}.cpp": f"int f{n}();\n\n\n" for n in range(4)}
        self.assertEqual(2, self.made(files, lines_max=6))
        self.assertEqual(4, self.made(files, lines_max=0))


class Layers(unittest.TestCase):
    def problems(self, files, cmake=CMAKE):
        return layers.check({"src/CMakeLists.txt": cmake, **files})

    def test_downward_includes_are_right(self):
        files = {
            "src/net/a.cpp": '#include "wire/b.hpp"\n#include <asio/buffer.hpp>\n',
            "src/wire/b.hpp": SPDX,
        }
        self.assertEqual([], self.problems(files))

    def test_an_upward_include_is_found(self):
        files = {"src/wire/a.cpp": SPDX + '#include "net/b.hpp"\n', "src/net/b.hpp": SPDX}
        self.assertEqual(["src/wire/a.cpp:2: wire must not include net"], self.problems(files))

    def test_a_sideways_include_is_found(self):
        files = {"src/process/a.cpp": '#include "net/b.hpp"\n', "src/net/b.hpp": SPDX}
        self.assertEqual(1, len(self.problems(files)))

    def test_a_commented_include_is_none(self):
        files = {"src/wire/a.cpp": '// #include "net/b.hpp"\n', "src/net/b.hpp": SPDX}
        self.assertEqual([], self.problems(files))

    def test_an_include_of_no_file_is_found(self):
        self.assertEqual(1, len(self.problems({"src/wire/a.cpp": '#include "b.hpp"\n'})))

    def test_a_folder_that_is_no_layer_is_found(self):
        self.assertEqual(["src/x/a.cpp: x is no layer"], self.problems({"src/x/a.cpp": ""}))

    def test_each_reserved_header_is_refused_elsewhere(self):
        for header in (
            "rapidjson/reader.h", "spdlog/spdlog.h", "sqlite3.h", "CLI/CLI.hpp", "toml++/toml.h",
            "sodium.h", "openssl/sha.h", "sys/socket.h", "netinet/in.h", "asio.hpp",
            "asio/ip/tcp.hpp", "thread", "llhttp.h",
        ):
            with self.subTest(header=header):
                found = self.problems({"src/core/a.cpp": f"#include <{header}>\n"})
                self.assertEqual(1, len(found))

    def test_each_reserved_header_is_allowed_to_its_users(self):
        for user, header in (
            ("src/base/json.cpp", "rapidjson/reader.h"),
            ("src/base/json_writer.cpp", "rapidjson/writer.h"),
            ("src/base/log.cpp", "spdlog/spdlog.h"),
            ("src/store/sqlite/a.cpp", "sqlite3.h"),
            ("src/app/a.cpp", "CLI/CLI.hpp"),
            ("src/net/a.cpp", "sys/socket.h"),
        ):
            with self.subTest(header=header):
                self.assertEqual([], self.problems({user: f"#include <{header}>\n"}))

    def test_a_clock_in_core_is_found(self):
        text = "auto now = clock::now();\n"
        self.assertEqual(1, len(self.problems({"src/core/a.cpp": text})))
        self.assertEqual([], self.problems({"src/net/a.cpp": text}))

    def test_cmake_that_links_upward_is_found(self):
        cmake = CMAKE.replace("msd_layer(wire USES msd_base", "msd_layer(wire USES msd_net")
        self.assertNotEqual(cmake, CMAKE)
        self.assertEqual(1, len(self.problems({}, cmake)))


class Coroutines(unittest.TestCase):
    RIGHT = (
        "co_await f();",
        "(void)co_await f();",
        "auto x = co_await f(a, b);",
        "const auto [error, bytes] = co_await stream.read(\n    buffer,\n    until\n);",
        "this->x_ = co_await f();",
        "out[i] = co_await f();",
        "std::array<int, 3> x = co_await f();",
        "co_return co_await f();",
        "if (const auto x = co_await f(); !x) { return; }",
        "auto task = [](int x) -> awaitable<void> { co_await f(x); };",
        "co_spawn(loop, []() -> awaitable<void> { co_await f(); }, handler);",
        "co_await sleep_until(deadline{at});",
        "co_await g([](int x) { return x + 1; });",
        "co_await lane.run<int>(until, call);",
        "auto operator co_await(thing t);",
        '// switch (co_await f())\nlog("x ? co_await : y");',
        "switch (kind) { case 1: co_await f(); break; default: x = co_await g(); }",
    )
    WRONG = (
        "switch (co_await f()) { default: break; }",
        "switch (\n    co_await f()\n) { default: break; }",
        "auto x = co_await f() ? 1 : 2;",
        "auto x = a ? co_await f() : b;",
        "auto x =\n    a\n        ? b\n        : co_await f();",
        "point p{co_await f()};",
        "point p{\n    1,\n    co_await f(),\n};",
        "point p = {co_await f(), 2};",
        "co_await send(packet{name, 1});",
        "co_await send(\n    packet{\n        name,\n    }\n);",
        'co_await send({"a", b});',
        "co_await post([x] { return x; });",
        "co_await post([&](int y) { return y; });",
        "co_await spawn(loop, [this]() -> awaitable<void> { co_return; });",
        "auto x = co_await f(co_await g());",
        "auto x = (co_await f()).value;",
        "auto x = h(co_await f());",
        "auto x = co_await f() + 1;",
        "auto x = !co_await f();",
        "if (co_await f()) { return; }",
        "while (co_await f()) { g(); }",
        "for (auto x : co_await f()) { g(x); }",
        "return_value = other = co_await f();",
        "x += co_await f();",
        "int x(co_await f());",
    )

    def test_the_one_form_is_right(self):
        for code in self.RIGHT:
            with self.subTest(code=code):
                self.assertEqual([], coroutines.problems_of(f"void body() {{\n{code}\n}}\n"))

    def test_every_other_form_is_found(self):
        for code in self.WRONG:
            with self.subTest(code=code):
                self.assertNotEqual([], coroutines.problems_of(f"void body() {{\n{code}\n}}\n"))

    def test_a_problem_names_file_and_line(self):
        files = {"src/net/a.cpp": "void f() {\n    if (co_await g()) {\n    }\n}\n"}
        self.assertEqual(1, len(coroutines.check(files)))
        self.assertTrue(coroutines.check(files)[0].startswith("src/net/a.cpp:2: "))


class Style(unittest.TestCase):
    def count(self, path, text):
        return len(style.check({path: text}))

    def test_a_plain_file_is_right(self):
        self.assertEqual(0, self.count("src/net/a.hpp", SPDX + "#pragma once\n"))
        script = "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"
        self.assertEqual(0, self.count("scripts/a", script))

    def test_each_fault_is_found(self):
        for path, text in (
            ("src/a.cpp", "int x;\n"),
            ("src/a.cpp", SPDX + "int x;"),
            ("src/a.cpp", SPDX + "\tint x;\n"),
            ("src/a.cpp", SPDX + "int x; \n"),
            ("src/a.cpp", SPDX + "// " + "x" * 98 + "\n"),
            ("src/a.cpp", SPDX + "\n" * 400),
            ("src/a.hpp", SPDX + "int x;\n"),
            ("src/net/socket_util.cpp", SPDX),
            ("src/common/a.cpp", SPDX),
            ("tests/helpers/a.mjs", SPDX),
        ):
            with self.subTest(path=path, text=text[-20:]):
                self.assertEqual(1, self.count(path, text))

    def test_a_long_file_with_a_reason_is_right(self):
        self.assertEqual(0, self.count("src/a.cpp", SPDX + "// Over 400 lines: a table.\n" * 401))

    def test_columns_are_characters(self):
        self.assertEqual(0, self.count("src/a.cpp", SPDX + "// " + "¶" * 97 + "\n"))


class SingleSource(unittest.TestCase):
    CMAKE = "project(msd VERSION 4.5.6 LANGUAGES CXX)\n"

    def problems(self, path, text):
        return single_source.check({"CMakeLists.txt": self.CMAKE, path: text})

    def test_a_second_version_is_found(self):
        self.assertEqual(1, len(self.problems("src/a.cpp", 'auto v = "4.5.6";\n')))
        self.assertEqual(1, len(self.problems("docs/a.8", "msd 4.5.6\n")))

    def test_other_numbers_and_comments_are_right(self):
        self.assertEqual([], self.problems("src/a.cpp", '// "4.5.6"\nauto v = "14.5.6.7";\n'))
        self.assertEqual([], self.problems("CHANGELOG.md", "## 4.5.6\n"))

    def test_a_missing_version_is_found(self):
        self.assertEqual(1, len(single_source.check({"CMakeLists.txt": "project(msd)\n"})))

    def test_paths_of_one_machine_are_found(self):
        for place in ("/".join(("", "home", "ann", "msd")), "/".join(("", "root", "x"))):
            with self.subTest(place=place):
                self.assertEqual(1, len(self.problems("README.md", f"see {place}\n")))

    def test_other_paths_are_right(self):
        text = "/var/lib/msd /usr/share ./home/x $HOME/root/x https://example.org/home/x\n"
        self.assertEqual([], self.problems("README.md", text))


if __name__ == "__main__":
    unittest.main()
