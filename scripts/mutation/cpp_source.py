# SPDX-License-Identifier: Apache-2.0
"""One C++ source as tokens: matching brackets, and the contents of functions.

This is not a C++ parser: it relies on the style of the project, which clang-format ensures.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*|/\*.*?\*/|\\\n)
    | (?P<directive>\#(?:[^\n\\]|\\.|\\\n)*)
    | (?P<text>R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"|"(?:\\.|[^"\\\n])*")
    | (?P<character>'(?:\\.|[^'\\\n])+')
    | (?P<number>\.?[0-9](?:[eEpP][+-]|'?[0-9A-Za-z_.])*)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign><=>|->\*|<<=|>>=|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = set(OPENING.values())
_TYPES = {"class", "struct", "union", "enum", "namespace", "concept"}


@dataclass
class token:
    kind: str
    text: str
    start: int
    end: int


def tokens_of(text):
    """The tokens, without white space, comments and directives."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "delimiter" or match.group("text"):
            kind = "text"
        else:
            kind = match.lastgroup
        if kind not in ("space", "directive"):
            found.append(token(kind, match.group(0), match.start(), match.end()))
    return found


class source:
    """Tokens with their brackets matched, and which of them stand in a function."""

    def __init__(self, file, text):
        self.file = file
        self.text = text
        self.tokens = tokens_of(text)
        self.partner = {}
        self.starts = [0]
        self.starts += [at + 1 for at, char in enumerate(text) if char == "\n"]
        self._match_brackets()
        self.in_function = [False] * len(self.tokens)
        self.in_constexpr_function = [False] * len(self.tokens)
        self.constants = []  # declarations of constexpr variables: (first, last) token
        self._classify(0, len(self.tokens))
        for first, last in self._constexpr_in_functions():
            self.constants.append((first, last))

    def _match_brackets(self):
        open_ones = []
        for at, each in enumerate(self.tokens):
            if each.kind == "sign" and each.text in OPENING:
                open_ones.append(at)
            elif each.kind == "sign" and each.text in CLOSING and open_ones:
                begin = open_ones.pop()
                self.partner[begin] = at
                self.partner[at] = begin

    def line_of(self, position):
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= position else (low, middle)
        return low + 1

    def _classify(self, begin, end):
        """Walks the declarations of a namespace or class."""
        first = at = begin
        while at < end:
            text = self.tokens[at].text
            if text in ("(", "["):
                at = self.partner.get(at, at) + 1
            elif text == "{":
                at = self._classify_braces(first, at)
                first = at
            elif text == ";":
                self._note_constant(first, at)
                at += 1
                first = at
            elif text == ":" and self.tokens[at - 1].text in ("public", "private", "protected"):
                at += 1
                first = at
            else:
                at += 1

    def _classify_braces(self, first, brace):
        """Behind the brace of a declaration; tells where the next one begins."""
        last = self.partner.get(brace, brace)
        head = self.tokens[first:brace]
        words = [each.text for each in head]
        if "(" not in words and _TYPES.intersection(words):
            if "enum" not in words and "concept" not in words:
                self._classify(brace + 1, last)
            return last + 1
        if "(" not in words or "=" in words and words.index("=") < words.index("("):
            end = last + 1
            while end < len(self.tokens) and self.tokens[end].text != ";":
                end = self.partner.get(end, end) + 1 if self.tokens[end].text in OPENING \
                    else end + 1
            self._note_constant(first, end)
            return end + 1
        # A function. Braces of its member initializers come before its body.
        if self.tokens[brace - 1].kind == "name" and ":" in words and \
                self.tokens[brace - 1].text not in ("const", "noexcept", "override", "final"):
            return self._skip_initializer(first, last + 1)
        self._mark(first, last)
        return last + 1

    def _skip_initializer(self, first, at):
        while at < len(self.tokens):
            text = self.tokens[at].text
            if text == "{":
                if self.tokens[at - 1].kind != "name":
                    self._mark(first, self.partner[at])
                    return self.partner[at] + 1
                at = self.partner[at] + 1
            elif text == "(":
                at = self.partner[at] + 1
            else:
                at += 1
        return at

    def _mark(self, first, last):
        words = [each.text for each in self.tokens[first:last]]
        is_constexpr = "constexpr" in words[:words.index("(")]
        for at in range(first, last + 1):
            self.in_function[at] = True
            self.in_constexpr_function[at] = is_constexpr

    def _note_constant(self, first, last):
        words = [each.text for each in self.tokens[first:last]]
        if "constexpr" in words and "(" not in words[:3] and not self._is_function(words):
            self.constants.append((first, last))

    @staticmethod
    def _is_function(words):
        for word in words:
            if word == "(":
                return True
            if word in ("=", "{"):
                return False
        return False

    def _constexpr_in_functions(self):
        for at, each in enumerate(self.tokens):
            is_start = at > 0 and self.tokens[at - 1].text in ("{", "}", ";", "static")
            if self.in_function[at] and each.text == "constexpr" and is_start:
                end = at
                while end < len(self.tokens) - 1 and self.tokens[end].text != ";":
                    end = self.partner.get(end, end) + 1 if self.tokens[end].text in OPENING \
                        else end + 1
                yield at, end
