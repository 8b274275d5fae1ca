"""Tables of a report: what a terminal and a reader of Markdown make of a stranger's words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from test_audit_report import AGENT

from sidecar.audit.table import MAX_ROWS, Table

HOSTILE = [
    "\x1b[2J",
    "a\nb",
    "\u202egnp",
    "<img src=x>",
    "a|b",
    "a\\|b",
    "[x](http://y)",
    "`code`",
    "`<b>",
    "a\\",
    "https://evil.example",
    "www.evil.example",
    "@everyone",
    "a@evil.example",
    "#1",
    "$x$",
    "&lt;",
    " ",
    "",
]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def cells(markdown: str) -> list[Token]:
    """The cells of the one table that a reader of Markdown makes of a text."""
    tokens = MARKDOWN.parse(markdown)
    assert [token.type for token in tokens].count("table_open") == 1
    return [
        token
        for before, token in itertools.pairwise(tokens)
        if before.type == "td_open" and token.type == "inline"
    ]


def printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_strangers_words_do_not_steer_a_terminal(name):
    text = Table("T", ("tool", "times"), ((name, 1),)).text()
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) == 4


def is_told(name: str, own_words: frozenset[str]) -> bool:
    """Whether Markdown shows a name as it is, in a cell of its own that holds no markup."""
    table = Table("T", ("tool", "times"), ((name, 1),), own_words=own_words)
    shown, times = cells(table.markdown())
    kinds = {child.type for child in shown.children or ()}
    text = "".join(child.content for child in shown.children or ())
    is_one_line = len(table.markdown().splitlines()) == 5
    is_plain = kinds <= {"text", "code_inline", "text_special"} and times.content == "1"
    return is_one_line and is_plain and text.strip() == printable(name).strip()


@given(name=st.text(max_size=30) | st.text("`|\\<>[]()@*_~ a", max_size=12))
def test_in_markdown_any_name_is_text_of_one_cell(name):
    assert is_told(name, frozenset())
    assert is_told(name, frozenset({"tool"}))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_strangers_words_do_not_become_markup(name):
    assert is_told(name, frozenset())


@pytest.mark.parametrize(
    "name", ["ab" * 32, f"7:{'cd' * 32}", "get_customer", AGENT, "@team", "<b>", "http://x.example"]
)
def test_a_name_can_be_copied_from_markdown_as_it_is(name):
    assert f"| `{name}` | 1 |" in Table("T", ("tool", "times"), ((name, 1),)).markdown()


def test_a_long_table_says_how_much_it_leaves_out():
    table = Table("T", ("n",), tuple((number,) for number in range(MAX_ROWS + 3)))
    for printed in (table.text(), table.markdown()):
        assert "3 more rows are not shown" in printed


def test_an_empty_table_says_so():
    assert Table("T", ("n",), ()).text().endswith("None.")
    assert Table("T", ("n",), ()).markdown().endswith("None.")
