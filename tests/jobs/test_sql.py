"""The SQL's parameters, as each driver wants them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeng_tui.jobs import bind, parameters

# Pieces of a SELECT's list: what stands there, and whether it is a parameter.
LITERALS = ["':a'", "'it''s :b'", "1 -- :c\n", "/* :d */ 2", '":e"', "100 % 7", "'50 %'"]
NAMES = ["a", "b", "sent", "_x1"]
pieces = st.lists(st.sampled_from([*LITERALS, *(f":{name}" for name in NAMES)]), min_size=1)


@given(pieces)
def test_a_bound_statement_says_what_the_named_one_says(items: list[str]) -> None:
    sql = "SELECT " + ", ".join(items)
    database = sqlite3.connect(":memory:")
    database.execute('CREATE TABLE one (":e")')
    database.execute("INSERT INTO one VALUES (7)")
    sql += " FROM one"
    values = {name: f"value of {name}" for name in NAMES}
    names = parameters(sql)
    assert names == [item[1:] for item in items if item.startswith(":")]
    wanted = database.execute(sql, values).fetchall()
    assert database.execute(bind(sql, "qmark"), [values[name] for name in names]).fetchall() == wanted
    quoted = tuple("'" + values[name] + "'" for name in names)
    assert database.execute(bind(sql, "pyformat") % quoted).fetchall() == wanted


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT :a::text, x::int", ["a"]),
        ("SELECT $$ :a $$, $tag$ :b $$ $tag$, :c", ["c"]),
        ("UPDATE t SET n = n + :n WHERE k=:k AND a[1:2] = :n", ["n", "k", "n"]),
        ("SELECT '10:30', \"a:b\"", []),
    ],
)
def test_colons_that_are_no_parameters(sql: str, names: list[str]) -> None:
    assert parameters(sql) == names
    assert bind(sql, "named") == sql
