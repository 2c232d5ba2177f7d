"""Designs in the other dialects: MERGEs and their like, which name their rows by fields or do not."""

from pathlib import Path

from hypothesis import strategies as st

from dataeng_tui.replay.dialects import DIALECTS
from dataeng_tui.replay.scenario import Event, Scenario
from dataeng_tui.replay.source import compiled

SOURCES = [
    "(SELECT :id AS id, :k AS k, :v AS v, :id + 1 AS next) AS s",
    "(VALUES (:id, :k, :v, :id + 1)) AS s(id, k, v, next)",
    "(SELECT CAST(:id AS INT) AS id, CAST(:k AS INT) AS k, CAST(:v AS INT) AS v, :k AS next) AS s",
    "(SELECT :id AS id, :k AS k, :v AS v, :v AS next UNION ALL SELECT :id + 3, :k, :v, 9) AS s",
]
NAMING = [
    "t.id = s.id",
    "(s.id = t.id)",
    "t.id = s.id AND t.k = s.k",
    "t.id = s.id AND t.k < s.k",
    "t.id = :id",
]
STRAYING = [
    "t.k = s.k",
    "t.id = s.id OR t.k = s.k",
    "t.id >= s.id",
    "t.id = s.next",
    "t.id = s.k",
    "NOT t.id = s.id",
]
SETS = ["v = s.v", "v = t.v + s.v", "v = greatest(t.v, s.v)", "k = s.k, v = s.v", "id = s.id, v = t.v + 1"]
MOVING = ["id = s.k", "id = s.next, v = s.v", "v = (SELECT max(v) FROM t)", "id = t.id + 1"]
INSERTS = [
    "(id, k, v) VALUES (s.id, s.k, s.v)",
    "(v, id, k) VALUES (0, s.id, s.k)",
    "(id, k, v) VALUES (id, k, v)",
]
MISPLACED = [
    "(id, k, v) VALUES (s.k, s.k, s.v)",
    "(id, k, v) VALUES (s.next, s.k, s.v)",
    "(id, k, v) VALUES (1, s.k, s.v)",
    "(id, k, v) SELECT 1, 1, 1",
    "(k, id, v) VALUES (s.id, s.k, s.v)",
]
OTHERS = [
    "UPDATE t SET v = t.v + s.v FROM {source} WHERE {on}",
    "DELETE FROM t USING {source} WHERE {on}",
    "DELETE FROM t USING (SELECT :id AS id) AS s WHERE t.id = s.id AND t.v > :v",
    "UPDATE t SET v = v + CAST(:v AS INT) WHERE id = CAST(:id AS INT)",
    "INSERT INTO t (id, k, v) VALUES (:id, CAST(:k AS INT), :v)",
    "INSERT INTO u (id, n) VALUES (:id, :v)",
    "MERGE INTO u USING (SELECT :id AS id, :v AS n) AS s ON u.id = s.id "
    "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)",
    "MERGE INTO u USING (SELECT :k AS id, :v AS n) AS s ON u.id = s.id "
    "WHEN MATCHED THEN UPDATE SET n = u.n + 1 WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)",
    "INSERT INTO u (id, n) SELECT :id, sum(v) FROM t WHERE id = :id",
]
UPSERTS = [
    "INSERT INTO t (id, k, v) VALUES (CAST(:id AS INT), :k, :v) "
    "ON CONFLICT {key} DO UPDATE SET v = excluded.v",
    "INSERT INTO t AS o (id, k, v) VALUES (:id, :k, :v) ON CONFLICT {key} DO UPDATE SET v = o.v + excluded.v",
    "INSERT INTO t (id, k, v) VALUES (:k, :id, :v) ON CONFLICT DO NOTHING",
]
KEYS = ["PRIMARY KEY (id)", "PRIMARY KEY (id, k)", "UNIQUE (id)", ""]


@st.composite
def merge_scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario in one of the dialects. Raises UserError where its SQL is not lowered."""
    dialect, key = draw(st.sampled_from(DIALECTS)), draw(st.sampled_from(KEYS))
    kind = draw(st.sampled_from(["INT", "INT", "INT", "VARCHAR"]))
    schema = (
        f"CREATE TABLE t (id {kind}, k INT, v INT{', ' * bool(key)}{key}); CREATE TABLE u (id INT, n INT);"
    )
    if draw(st.booleans()):
        schema += "INSERT INTO t (id, k, v) VALUES (2, 1, 7); INSERT INTO t (id, k, v) VALUES (4, 3, 9);"
    parts = [draw(st.lists(_statement(dialect, key), min_size=1, max_size=2)) for _ in range(draw(_FEW))]
    fields = st.fixed_dictionaries({"id": st.integers(1, 3), "k": st.integers(1, 3), "v": st.integers(1, 4)})
    log = draw(st.lists(fields, min_size=3, max_size=4))
    observe = draw(st.sampled_from([None, None, "SELECT id, v FROM t", "SELECT sum(v) AS s FROM t"]))
    files = {f"{number}.sql": ";\n".join(part) for number, part in enumerate(parts)}
    sql = compiled(dialect, schema, files, observe, Path("generated"), Path("generated/scenario.toml"))
    return Scenario(
        name="generated",
        title="generated",
        events=tuple(Event(place + 1, event) for place, event in enumerate(log)),
        schema=sql.schema,
        transactions=sql.transactions,
        messages=tuple(range(len(log))),
        partitions=tuple(event["id"] for event in log),
        observe=sql.observe,
        dialect=dialect,
        sources=files,
    )


_FEW = st.sampled_from([1, 1, 2])


@st.composite
def _mostly(draw: st.DrawFn, good: list[str], bad: list[str]) -> str:
    return draw(st.sampled_from(bad if draw(st.integers(0, 3)) == 0 else good))


@st.composite
def _statement(draw: st.DrawFn, dialect: str, key: str) -> str:
    source, on = draw(_mostly(SOURCES[:3], SOURCES[3:])), draw(_mostly(NAMING, STRAYING))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return draw(st.sampled_from(OTHERS)).format(source=source, on=on)
    if kind == 1 and key and dialect in ("postgres", "duckdb"):
        return draw(st.sampled_from(UPSERTS)).format(key=key[key.index("(") :])
    whens = []
    if draw(st.integers(0, 3)):
        if draw(st.integers(0, 3)) == 0:
            whens.append("WHEN MATCHED AND s.v > t.v THEN DELETE")
        whens.append(f"WHEN MATCHED THEN UPDATE SET {draw(_mostly(SETS, MOVING))}")
    if not whens or draw(st.integers(0, 3)):
        extra = draw(st.sampled_from(["", "", " AND s.v > 1"]))
        whens.append(f"WHEN NOT MATCHED{extra} THEN INSERT {draw(_mostly(INSERTS, MISPLACED))}")
    return f"MERGE INTO t USING {source} ON {on} {' '.join(whens)}"
