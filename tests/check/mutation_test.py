# SPDX-License-Identifier: Apache-2.0
"""scripts/mutate finds what can be wrong in a small source, and writes each mutant as C++."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/mutation"))

import mutants  # pylint: disable=wrong-import-position

SOURCE = """\
constexpr int most = 3;

bool is_right(int a, int b) {
    if (a < b && !is_off(a)) {
        note(a);
        return true;
    }
    return a + 1 == b || a == most;
}
"""


def plain(wanted):
    """The source with the mutant that is described so."""
    found = [each for each in mutants.mutants_of("x.cpp", SOURCE) if each.what == wanted]
    return mutants.edited(SOURCE, found[0].plain)


class Mutants(unittest.TestCase):
    def test_all_of_a_source_are_found_in_its_order(self):
        found = [each.name for each in mutants.mutants_of("x.cpp", SOURCE)]
        self.assertEqual(
            [
                "x.cpp:1:22: `3` becomes `(3 + 1)`",
                "x.cpp:4:9: the condition is negated",
                "x.cpp:4:11: `<` becomes `<=`",
                "x.cpp:4:15: `&&` becomes `||`",
                "x.cpp:4:18: the condition is negated",
                "x.cpp:5:9: `note(a);` is left out",
                "x.cpp:6:16: `true` becomes `false`",
                "x.cpp:8:14: `+` becomes `-`",
                "x.cpp:8:16: `1` becomes `(1 + 1)`",
                "x.cpp:8:18: `==` becomes `!=`",
                "x.cpp:8:23: `||` becomes `&&`",
                "x.cpp:8:28: `==` becomes `!=`",
            ],
            found,
        )

    def test_a_mutant_changes_one_place(self):
        self.assertIn("if (((a < b ) || ( !is_off(a)))) {", plain("`&&` becomes `||`"))
        self.assertIn("if (false) { note(a); }", plain("`note(a);` is left out"))
        self.assertIn("a <= b &&", plain("`<` becomes `<=`"))

    def test_instrumented_mutants_nest(self):
        edits = [
            (start, end, rank, text.replace("{n}", str(number)))
            for number, each in enumerate(mutants.mutants_of("x.cpp", SOURCE), 1)
            for start, end, rank, text in each.instrumented
        ]
        text = mutants.edited(SOURCE, edits)
        self.assertEqual(text.count("("), text.count(")"))
        self.assertEqual(SOURCE.count("\n"), text.count("\n"))
        self.assertIn("a < ::msd_mutation::op<3>{} < b", text)
        self.assertIn("if (!::msd_mutation::is(6)) { note(a); }", text)
        # The negation of the whole condition is around the one of its `&&`.
        self.assertIn(
            "if (::msd_mutation::flip(2, static_cast<bool>((::msd_mutation::flip(4, ", text
        )
        self.assertIn(") : ::msd_mutation::is(4)))))", text.replace("{ ", "{"))

    def test_templates_and_declarations_are_left_alone(self):
        text = "void f() {\n    std::vector<int> a;\n    int* b = c;\n    const auto& d = e;\n}\n"
        self.assertEqual([], mutants.mutants_of("x.cpp", text))


if __name__ == "__main__":
    unittest.main()
