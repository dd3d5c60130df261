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
                "x.cpp:4:18: `!` is left out",
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

    def test_the_condition_before_a_question_mark_is_around_its_logical_operator(self):
        text = "int f(int a, int b) {\n    return a && b ? c : d;\n}\n"
        of_logical, of_condition = mutants.mutants_of("x.cpp", text)
        self.assertEqual("the condition of `?` is negated", of_condition.what)
        both = mutants.edited(text, of_logical.plain + of_condition.plain)
        self.assertIn("return !(((a ) || ( b))) ? c : d;", both)

    def test_a_constexpr_function_is_a_function_and_no_constant(self):
        text = "namespace x {\nconstexpr bool f(char c) {\n    return c == 'a';\n}\n}\n"
        found = mutants.mutants_of("x.cpp", text)
        self.assertEqual(["`==` becomes `!=`"], [each.what for each in found][:1])
        self.assertEqual([""] * 2, [each.constant for each in found])

    def test_constants_of_constant_expressions_stay_constexpr(self):
        text = (
            "constexpr int size = base + 1;\nconstexpr int base = 2;\nconstexpr int other = 3;\n"
            "std::array<int, size> a;\n"
        )
        self.assertEqual({"size", "base"}, mutants.fixed_constants({"x.cpp": text}, []))
        users = ["constexpr int more = other;"]
        self.assertEqual({"size", "base", "other"}, mutants.fixed_constants({"x.cpp": text}, users))

    def test_what_only_a_constant_can_be_and_the_parts_of_a_for_are_left_alone(self):
        text = (
            "struct alignas(64) a {\n    int b = 1;\n};\n"
            "void f() {\n    std::get<1>(a);\n    for (b(); c(); d = e()) {\n    }\n}\n"
        )
        found = [each.what for each in mutants.mutants_of("x.cpp", text)]
        self.assertEqual([], found)


if __name__ == "__main__":
    unittest.main()
