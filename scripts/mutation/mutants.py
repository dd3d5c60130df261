# SPDX-License-Identifier: Apache-2.0
"""The mutants of one C++ source, found in its tokens.

A binary operator is recognized by the spaces on both sides, which clang-format ensures; a template
bracket has none. A mutant that was found by mistake does not compile and is not counted.

A mutant has two forms. The instrumented one asks at run time whether this mutant is active
(mutation.hpp), so that one build holds all mutants. The plain one is the mutated text itself, for
constant expressions, which are evaluated at compile time.
"""

from dataclasses import dataclass, field

from cpp_source import CLOSING, OPENING, source

_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
_COMPARED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_CALCULATED = {"+": "-", "-": "+", "*": "+", "/": "*", "%": "*"}
_SWAPPED = {**_COMPARED, **_CALCULATED}


@dataclass
class mutant:
    file: str
    line: int
    column: int
    what: str  # for people: "`<` becomes `<=`"
    lines: tuple  # first and last line that it touches
    is_constant: bool  # of a constexpr variable, whose declaration is changed with it
    is_constexpr: bool  # in a constexpr function, which may be called at compile time only
    # Edits: (start, end, rank, text); {n} stands for the mutant's number.
    instrumented: list = field(default_factory=list)
    plain: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.file}:{self.line}:{self.column}: {self.what}"


def _spaced(of, at):
    """A binary operator, as clang-format writes it."""
    one = of.tokens[at]
    before = of.text[one.start - 1] if one.start > 0 else ""
    after = of.text[one.end] if one.end < len(of.text) else ""
    return before in " \n" and after in " \n"


class finder:
    """Finds the mutants of one source, in the order of its text."""

    def __init__(self, of):
        self.of = of
        self.found = []
        self.constant_of = {}
        for number, (first, last) in enumerate(of.constants):
            for at in range(first, last + 1):
                self.constant_of[at] = number

    def run(self):
        for at in range(len(self.of.tokens)):
            is_constant = at in self.constant_of
            if is_constant:
                self._literal(at, True)
            elif self.of.in_function[at]:
                self._literal(at, False)
                self._operator(at)
                self._logical(at)
                self._condition(at)
                self._statement(at)
        return self.found

    def _add(self, at, what, span, is_constant=False):
        first, last = span
        one = self.of.tokens[at]
        line = self.of.line_of(one.start)
        column = one.start - self.of.starts[line - 1] + 1
        lines = (
            self.of.line_of(self.of.tokens[first].start),
            self.of.line_of(self.of.tokens[last].end),
        )
        is_constexpr = self.of.in_constexpr_function[at]
        made = mutant(self.of.file, line, column, what, lines, is_constant, is_constexpr)
        self.found.append(made)
        return made

    def _wrap(self, made, first, last, around, plain):
        """Puts texts before the token `first` and behind the token `last`."""
        start, end = self.of.tokens[first].start, self.of.tokens[last].end
        wide = end - start
        made.instrumented += [(start, start, -wide, around[0]), (end, end, wide, around[1])]
        made.plain += [(start, start, -wide, plain[0]), (end, end, wide, plain[1])]

    def _literal(self, at, is_constant):
        one = self.of.tokens[at]
        is_truth = one.kind == "name" and one.text in ("true", "false")
        if not (is_truth or one.kind in ("number", "character")):
            return
        if self._is_label(at):
            return
        if is_truth:
            mutated = "false" if one.text == "true" else "true"
        elif one.kind == "character":
            mutated = f"static_cast<char>({one.text} + 1)"
        else:
            mutated = f"({one.text} + 1)"
        made = self._add(at, f"`{one.text}` becomes `{mutated}`", (at, at), is_constant)
        # A constant local variable would be initialized at compile time by what can be.
        call = "number" if self.of.in_constexpr_function[at] else "variable"
        text = f"::msd_mutation::{call}({{n}}, {one.text})"
        made.instrumented.append((one.start, one.end, 0, text))
        made.plain.append((one.start, one.end, 0, mutated))
        if is_constant:
            first, last = self.of.constants[self.constant_of[at]]
            made.lines = (
                self.of.line_of(self.of.tokens[first].start),
                self.of.line_of(self.of.tokens[min(last, len(self.of.tokens) - 1)].start),
            )

    def _is_label(self, at):
        back = at
        while back > 0 and self.of.tokens[back].text not in (";", "{", "}"):
            if self.of.tokens[back].text == "case":
                return True
            back -= 1
        return False

    def _operator(self, at):
        one = self.of.tokens[at]
        if one.kind != "sign" or one.text not in _SWAPPED or not _spaced(self.of, at):
            return
        mutated = _SWAPPED[one.text]
        made = self._add(at, f"`{one.text}` becomes `{mutated}`", (at, at))
        text = f"{one.text} ::msd_mutation::op<{{n}}>{{}} {one.text}"
        made.instrumented.append((one.start, one.end, 0, text))
        made.plain.append((one.start, one.end, 0, mutated))

    def _left(self, at, stops):
        """The first token of the operand before `at`."""
        back = at - 1
        while back >= 0:
            text = self.of.tokens[back].text
            if text in CLOSING and self.of.tokens[back].kind == "sign":
                back = self.of.partner[back] - 1
                continue
            if text in stops or text in ("return", "co_return", "case") or text in OPENING:
                break
            back -= 1
        return back + 1

    def _right(self, at, stops):
        """The last token of the operand behind `at`."""
        forth = at + 1
        while forth < len(self.of.tokens):
            text = self.of.tokens[forth].text
            if text in OPENING and self.of.tokens[forth].kind == "sign":
                forth = self.of.partner[forth] + 1
                continue
            if text in stops or text in CLOSING:
                break
            forth += 1
        return forth - 1

    def _logical(self, at):
        one = self.of.tokens[at]
        if one.text not in ("&&", "||") or not _spaced(self.of, at):
            return
        base = {";", ",", "?", ":"} | _ASSIGNMENTS
        # To the left an operand may hold more of the same operator: it binds to the left.
        first = self._left(at, base | ({"||"} if one.text == "&&" else set()))
        last = self._right(at, base | ({"&&", "||"} if one.text == "&&" else {"||"}))
        if first >= at or last <= at:
            return
        mutated = "||" if one.text == "&&" else "&&"
        made = self._add(at, f"`{one.text}` becomes `{mutated}`", (first, last))
        start, end = self.of.tokens[first].start, self.of.tokens[last].end
        wide = end - start
        opening = "(::msd_mutation::flip({n}, static_cast<bool>("
        middle, ending = (")) ? static_cast<bool>(", ") : ::msd_mutation::is({n}))")
        if one.text == "||":
            middle, ending = (")) ? !::msd_mutation::is({n}) : static_cast<bool>(", "))")
        made.instrumented += [
            (start, start, -wide, opening),
            (one.start, one.end, 0, middle),
            (end, end, wide, ending),
        ]
        made.plain += [
            (start, start, -wide, "(("),
            (one.start, one.end, 0, f") {mutated} ("),
            (end, end, wide, "))"),
        ]

    def _condition(self, at):
        one = self.of.tokens[at]
        before = self.of.tokens[at - 1].text if at > 0 else ""
        if one.text == "(" and before in ("if", "while"):
            first, last = at + 1, self.of.partner[at] - 1
            inside = [each.text for each in self.of.tokens[first:last + 1]]
            if ";" in inside or self._declares(first, last):
                return
        elif one.text == "?" and one.kind == "sign":
            first, last = self._left(at, {";", ",", "?", ":"} | _ASSIGNMENTS), at - 1
        elif one.text == "!" and one.kind == "sign":
            first, last = at, self._postfix_end(at + 1)
        else:
            return
        if last < first or one.text != "!" and self._is_mutated_whole(first, last):
            return
        made = self._add(first, "the condition is negated", (first, last))
        call = ("::msd_mutation::flip({n}, static_cast<bool>(", "))")
        self._wrap(made, first, last, call, ("!(", ")"))

    def _is_mutated_whole(self, first, last):
        """Whether another mutant negates it: `!x`, `a == b`."""
        if self.of.tokens[first].text == "!" and self._postfix_end(first + 1) == last:
            return True
        inside = [each.text for each in self.of.tokens[first:last + 1]]
        compared = inside.count("==") + inside.count("!=")
        return compared == 1 and not {"&&", "||", "?"}.intersection(inside)

    def _declares(self, first, last):
        """Whether a condition declares a variable: `const auto found = …`."""
        for at in range(first, last):
            if self.of.tokens[at].text == "=" and self.of.tokens[at - 1].kind == "name":
                return self.of.tokens[first].text in ("const", "auto") or at - first > 1
        return False

    def _postfix_end(self, at):
        """The last token of the operand of a unary operator."""
        end = at
        while end < len(self.of.tokens):
            one = self.of.tokens[end]
            following = self.of.tokens[end + 1].text if end + 1 < len(self.of.tokens) else ""
            if one.text in ("(", "[") and one.kind == "sign":
                end = self.of.partner[end]
                following = self.of.tokens[end + 1].text
            if following in ("(", "[", ".", "->", "::"):
                end += 1
            elif one.text in (".", "->", "::", "*", "!"):
                end += 1
            else:
                return end
        return end

    def _statement(self, at):
        """An expression statement, or a jump without a value, that is left out."""
        before = self.of.tokens[at - 1].text if at > 0 else ""
        one = self.of.tokens[at]
        if before not in ("{", "}", ";") or one.text in CLOSING:
            return
        following = self.of.tokens[at + 1].text
        if one.text in ("break", "continue", "return") and following == ";":
            last = at + 1
        elif one.text in ("++", "--") or (one.kind == "name" and one.text not in _NO_EXPRESSION):
            last = self._expression_statement(at)
        else:
            return
        if last is None:
            return
        text = self.of.text[one.start:self.of.tokens[last].end]
        shown = " ".join(text.split())
        shown = shown if len(shown) <= 60 else shown[:59] + "…"
        made = self._add(at, f"`{shown}` is left out", (at, last))
        call = ("if (!::msd_mutation::is({n})) { ", " }")
        self._wrap(made, at, last, call, ("if (false) { ", " }"))

    def _expression_statement(self, at):
        """Its last token; None: it is a declaration or something else."""
        tokens = self.of.tokens
        if tokens[at].text in ("++", "--"):
            at += 1
        if tokens[at].kind != "name":
            return None
        at += 1
        while tokens[at].text in ("::", ".", "->", "(", "["):
            if tokens[at].text in ("(", "["):
                at = self.of.partner[at] + 1
            else:
                at += 2
        if tokens[at].text == ";":
            return at
        if tokens[at].text in _ASSIGNMENTS or tokens[at].text in ("++", "--"):
            while tokens[at].text != ";":
                at = self.of.partner[at] + 1 if tokens[at].text in OPENING else at + 1
            return at
        return None


_NO_EXPRESSION = {
    "return", "co_return", "if", "for", "while", "do", "switch", "case", "default", "using",
    "static_assert", "goto", "else", "try", "throw", "const", "auto", "static", "constexpr",
    "assert", "public", "private", "protected", "template", "typename", "friend",
}


def mutants_of(file, text):
    return finder(source(file, text)).run()


def constants_of(file, text):
    """Edits that make each constexpr variable one of run time, by its (first, last) line."""
    of = source(file, text)
    edits = {}
    for first, last in of.constants:
        lines = (
            of.line_of(of.tokens[first].start),
            of.line_of(of.tokens[min(last, len(of.tokens) - 1)].start),
        )
        for at in range(first, last):
            if of.tokens[at].text == "constexpr":
                start, end = of.tokens[at].start, of.tokens[at].end
                # A static constant of a class has to be defined in place.
                is_member = not of.in_function[at] and of.tokens[first].text == "static"
                edits[lines] = [(start, end, 0, "inline const" if is_member else "const")]
                break
    return edits


def _order(numbered):
    index, (start, _end, rank, _text) = numbered
    # At one place: what ends there, narrow before wide; what begins there, wide before narrow; a
    # replacement. Of two that are equally wide the one that was found first is outside.
    if rank > 0:
        return start, 0, rank, -index
    return start, 1 if rank < 0 else 2, rank, index


def edited(text, edits):
    """`text` with the edits applied."""
    out = []
    at = 0
    for _index, (start, end, _rank, new) in sorted(enumerate(edits), key=_order):
        out.append(text[at:start])
        out.append(new)
        at = end
    out.append(text[at:])
    return "".join(out)
