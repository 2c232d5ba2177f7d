"""Generated MERGEs, run by DuckDB as they are and by SQLite as they are lowered, step after step."""

import random
import sqlite3
from collections.abc import Iterator

import duckdb

from dataeng_tui.errors import UserError
from dataeng_tui.replay.dialects import lower

COLUMNS = ("id", "n", "m", "note")
TYPES = {"id": "INTEGER", "n": "INTEGER", "m": "BIGINT", "note": "VARCHAR"}
NOTES = (None, "a", "b", "c")


def schema(rng: random.Random) -> str:
    """A target, with a key or without, and a second table to merge from."""
    key = rng.choice(("", "", ", PRIMARY KEY (id)", ", UNIQUE (id, n)"))
    default = rng.choice(("", " DEFAULT 7"))
    columns = ", ".join(f"{name} {TYPES[name]}{default if name == 'm' else ''}" for name in COLUMNS)
    plain = ", ".join(f"{name} {TYPES[name]}" for name in COLUMNS)
    return f"CREATE TABLE target ({columns}{key}); CREATE TABLE other ({plain});"


def value(rng: random.Random, column: str, matched: bool) -> str:
    """An expression for a column."""
    if column == "note":
        return rng.choice(("s.note", "'x'", "NULL", "coalesce(s.note, 'z')", "s.note || '!'"))
    choices = [
        f"s.{column}",
        "s.n",
        "3",
        "coalesce(s.n, 0) + 1",
        "CASE WHEN s.n > 2 THEN s.m ELSE 0 END",
        "-s.n",
    ]
    if matched:
        choices += [
            f"t.{column} + s.{column}",
            "t.n + t.m",
            f"greatest(t.{column}, s.{column})",
            f"t.{column} * 2",
        ]
    return rng.choice(choices)


def condition(rng: random.Random, matched: bool) -> str:
    """What a clause asks of its rows besides the match."""
    choices = [
        "s.n > 2",
        "s.note = 'a'",
        "s.note IS NULL",
        "s.n IN (1, 3)",
        "s.n BETWEEN 2 AND 4",
        "NOT s.m > 3",
    ]
    if matched:
        choices += [
            "t.n < s.n",
            "t.note IS DISTINCT FROM s.note",
            "t.m = s.m OR t.n IS NULL",
            "t.n + s.n > 5",
        ]
    return rng.choice(choices)


def clause(rng: random.Random, matched: bool, last: bool) -> str:
    """One WHEN; only the last of its kind may be without a condition."""
    head = f"WHEN {'' if matched else 'NOT '}MATCHED"
    head += f" AND {condition(rng, matched)}" if not last or rng.random() < 0.4 else ""
    if rng.random() < 0.1:
        return f"{head} THEN DO NOTHING"
    if matched and rng.random() < 0.3:
        return f"{head} THEN DELETE"
    names = rng.sample(COLUMNS, rng.randint(1, 4))
    if matched:
        return f"{head} THEN UPDATE SET {', '.join(f'{name} = {value(rng, name, True)}' for name in names)}"
    values = ", ".join(value(rng, name, False) for name in names)
    return f"{head} THEN INSERT ({', '.join(names)}) VALUES ({values})"


def source(rng: random.Random) -> tuple[str, int]:
    """Where the rows come from, and how many rows of parameters that takes."""
    rows = rng.choice((1, 1, 1, 2, 3))
    row = "CAST($id{0} AS INTEGER), CAST($n{0} AS INTEGER), CAST($m{0} AS BIGINT), CAST($note{0} AS VARCHAR)"
    many = [row.format(at) for at in range(rows)]
    kind = rng.random()
    if kind < 0.4:
        return f"(VALUES {', '.join(f'({one})' for one in many)}) AS s(id, n, m, note)", rows
    if kind < 0.8:
        first, *rest = many
        named = "SELECT " + ", ".join(
            f"{part} AS {name}" for part, name in zip(first.split(", "), COLUMNS, strict=True)
        )
        return f"({' UNION ALL '.join([named, *(f'SELECT {one}' for one in rest)])}) AS s", rows
    return rng.choice(
        ("other AS s", "(SELECT id, max(n) AS n, sum(m) AS m, min(note) AS note FROM other GROUP BY id) AS s")
    ), 0


def matching(rng: random.Random) -> str:
    """When a row is the same."""
    return rng.choice(("t.id = s.id",) * 3 + ("t.id = s.id AND t.n = s.n", "t.id = s.id AND s.n > 1"))


def whens(rng: random.Random) -> str:
    """One to four clauses."""
    kinds = [rng.random() < 0.55 for _ in range(rng.randint(1, 4))]
    return " ".join(clause(rng, matched, matched not in kinds[at + 1 :]) for at, matched in enumerate(kinds))


def statement(rng: random.Random) -> tuple[str, int]:
    """A MERGE and its rows of parameters."""
    using, rows = source(rng)
    return f"MERGE INTO target AS t USING {using} ON {matching(rng)} {whens(rng)}", rows


def rows_of(rng: random.Random, rows: int) -> dict[str, object]:
    """Values for the parameters: few, so that they meet."""
    found: dict[str, object] = {}
    for at in range(rows):
        found |= {f"id{at}": rng.choice((None, 1, 2, 3, 4)), f"n{at}": rng.choice((None, 1, 2, 3, 4))}
        found |= {f"m{at}": rng.choice((None, 1, 5)), f"note{at}": rng.choice(NOTES)}
    return found


def sort(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(rows, key=lambda row: [(cell is not None, str(cell)) for cell in row])


def compare(seed: int, merges: int, steps: int = 20) -> Iterator[tuple[str, str]]:
    """Run ``merges`` generated MERGEs ``steps`` times each; yields each step's outcome and what it was about.

    ``same``: the same rows; ``refused``: both raise, or only the lowered one does because rows tie;
    ``different``: anything else.
    """
    rng = random.Random(seed)
    duck = duckdb.connect(config={"threads": 1})
    duck.execute("PRAGMA disable_optimizer")
    for _ in range(merges):
        tables, (sql, rows) = schema(rng), statement(rng)
        lite = sqlite3.connect(":memory:", isolation_level=None)
        duck.execute("DROP TABLE IF EXISTS target; DROP TABLE IF EXISTS other")
        try:
            lowered = lower("duckdb", tables, {"merge.sql": sql})
        except UserError:
            continue  # refused by name: nothing is claimed of it
        duck.execute(tables)
        for text in (*lowered.schema, *lowered.staging):
            lite.execute(text)
        for row in {rng.randint(1, 4): rng.randint(1, 4) for _ in range(4)}.items():
            duck.execute("INSERT INTO other VALUES (?, ?, 2, 'a')", row)
            lite.execute("INSERT INTO other VALUES (?, ?, 2, 'a')", row)
        for _ in range(steps):
            parameters = rows_of(rng, rows)
            outcome = _step(duck, lite, sql, lowered.writes["merge.sql"], parameters)
            yield outcome, f"{tables} {sql} {parameters}"
            if outcome.startswith("different"):
                break
        lite.close()


def compare_worlds(seed: int, merges: int, worlds: int = 100, steps: int = 4) -> Iterator[tuple[int, str]]:
    """The same with many small worlds in one table, so that one MERGE of DuckDB's is a step in each of them.

    SQLite is told of one world after the other, which is the same, as none of them meets another's rows.
    Yields, for each step, how many worlds took it and, where the tables differ, what it was about.
    """
    rng = random.Random(seed)
    duck = duckdb.connect(config={"threads": 1})
    columns = ", ".join(f"{name} {TYPES[name]}" for name in COLUMNS)
    tables = f"CREATE TABLE target (w INTEGER, {columns})"
    for _ in range(merges):
        on, clauses = matching(rng), whens(rng)
        sql = f"MERGE INTO target AS t USING ({{}}) AS s ON t.w = s.w AND {on} {clauses}"
        cast = ", ".join(f"CAST(${name} AS {TYPES[name]}) AS {name}" for name in COLUMNS)
        lowered = lower("duckdb", tables, {"merge": sql.format(f"SELECT CAST($w AS INTEGER) AS w, {cast}")})
        lite = sqlite3.connect(":memory:", isolation_level=None)
        duck.execute(f"CREATE OR REPLACE {tables[6:]}; CREATE OR REPLACE TABLE feed (w INTEGER, {columns})")
        for text in (*lowered.schema, *lowered.staging):
            lite.execute(text)
        for _ in range(steps):
            rows = [(world, *_row(rng)) for world in range(worlds)]
            duck.execute("DELETE FROM feed; INSERT INTO feed VALUES " + ", ".join(map(_literal, rows)))
            duck.execute(sql.format("SELECT * FROM feed"))
            for row in rows:
                for text in lowered.writes["merge"]:
                    lite.execute(text, dict(zip(("w", *COLUMNS), row, strict=True)))
            expected, got = (sort(c.execute("SELECT * FROM target").fetchall()) for c in (duck, lite))
            yield (
                worlds,
                "" if expected == got else f"{sql} {[row for row in got if row not in expected][:5]}",
            )
        lite.close()


def _row(rng: random.Random) -> tuple[object, ...]:
    return tuple(rows_of(rng, 1).values())


def _literal(row: tuple[object, ...]) -> str:
    return "(" + ", ".join("NULL" if cell is None else repr(cell) for cell in row) + ")"


def _step(
    duck: duckdb.DuckDBPyConnection,
    lite: sqlite3.Connection,
    sql: str,
    lowered: tuple[str, ...],
    parameters: dict[str, object],
) -> str:
    theirs = ours = ""
    try:
        duck.execute(sql, parameters) if parameters else duck.execute(sql)
    except duckdb.Error as error:
        theirs = str(error)
    lite.execute("SAVEPOINT step")
    try:
        for text in lowered:
            lite.execute(text, parameters)
    except sqlite3.Error as error:
        ours = str(error)
        lite.execute("ROLLBACK TO step")
    lite.execute("RELEASE step")
    if theirs or ours:
        return (
            "refused"
            if theirs and ours
            else f"different: DuckDB {theirs or 'took it'}; lowered {ours or 'took it'}"
        )
    expected, got = (sort(c.execute("SELECT * FROM target").fetchall()) for c in (duck, lite))
    return "same" if expected == got else f"different: DuckDB {expected}; lowered {got}"
