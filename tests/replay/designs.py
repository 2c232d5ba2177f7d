"""Generated designs: small schemas, writes and logs as people write them, broken ones among them."""

from hypothesis import strategies as st

from dataeng_tui.replay.program import split, transaction
from dataeng_tui.replay.scenario import Event, Scenario

KEYS = [
    "id INTEGER PRIMARY KEY, k INTEGER, v INTEGER",
    "id INTEGER, k INTEGER, v INTEGER, PRIMARY KEY (id)",
    "id INTEGER NOT NULL, k INTEGER NOT NULL, v INTEGER, UNIQUE (id, k)",
    "id TEXT PRIMARY KEY, k INTEGER, v",
    "id INTEGER, k INTEGER, v INTEGER",
    "id INTEGER PRIMARY KEY, k INTEGER UNIQUE, v INTEGER CHECK (v < 12)",
    "n INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER UNIQUE, k INTEGER, v INTEGER",
    "id INTEGER PRIMARY KEY, k INTEGER, v INTEGER, w INTEGER GENERATED ALWAYS AS (v + k) VIRTUAL",
    "id INTEGER NOT NULL, k INTEGER NOT NULL, v INTEGER, PRIMARY KEY (id, k)) WITHOUT ROWID --",
]
WITH_KEY = {0, 1, 3, 5, 6, 7}  # those in which ON CONFLICT (id) is possible
SETS = [
    "v = excluded.v",
    "v = t.v + excluded.v",
    "v = max(t.v, excluded.v)",
    "v = excluded.v, k = excluded.k",
    "v = coalesce(t.v, 0) + excluded.v, k = max(t.k, excluded.k)",
]
WHERES = ["", " WHERE excluded.k > t.k", " WHERE excluded.k >= t.k", " WHERE excluded.v <> t.v"]
EXTRAS = [
    "DELETE FROM t WHERE id = :id",
    "DELETE FROM t WHERE id = :id AND k < :k",
    "DELETE FROM t WHERE k < :k - 1",
    "UPDATE t SET v = v + :v WHERE id = :id",
    "UPDATE t SET v = v + 1 WHERE k <= :k",
    "UPDATE t SET k = :k WHERE id <> :id",
    "UPDATE [t] SET [v] = ([v] + :v) WHERE (([id] = :id) AND ([k] < :k))",
    "DELETE FROM t WHERE ((id = :id) = (k > 1))",
    "INSERT INTO seen (m) VALUES (:m) ON CONFLICT DO NOTHING",
    "INSERT OR REPLACE INTO seen (m) VALUES (:m)",
    "INSERT INTO t (id, k, v) SELECT :id + 10, :k, :v WHERE NOT EXISTS (SELECT 1 FROM seen WHERE m = :m)",
    "SELECT count(*) AS c, coalesce(max(v), 0) AS top FROM t WHERE id = :id",
    "SELECT v AS c, k AS top FROM t WHERE id = :id",
]
TRIGGERS = [
    "CREATE TRIGGER two AFTER UPDATE OF v ON t BEGIN INSERT OR IGNORE INTO seen VALUES ('u' || NEW.v); END",
    "CREATE TRIGGER gone AFTER DELETE ON t BEGIN DELETE FROM seen WHERE m = 'm1'; END",
    "CREATE TRIGGER stop BEFORE INSERT ON t WHEN NEW.v = 5 BEGIN SELECT RAISE(IGNORE); END",
]


@st.composite
def scenarios(draw: st.DrawFn, most_events: int = 3, most_transactions: int = 2) -> Scenario:
    """A scenario that at least parses; its SQL may be refused when it runs."""
    number = draw(st.integers(0, len(KEYS) - 1))
    schema = f"CREATE TABLE t ({KEYS[number]}\n); CREATE TABLE seen (m TEXT PRIMARY KEY);"
    if draw(st.integers(0, 5)) == 0:
        schema += draw(st.sampled_from(TRIGGERS)) + ";"
    if draw(st.integers(0, 4)) == 0:
        schema += "INSERT INTO t (id, k, v) VALUES (1, 0, 7); INSERT INTO t (id, k, v) VALUES (9, 9, 9);"
    parts = []
    for _ in range(draw(st.integers(1, most_transactions))):
        statements = draw(st.lists(_statement(number), min_size=1, max_size=2))
        parts.append(";\n".join(statements))
    parts = _bound_before_use(parts)
    observe = draw(
        st.sampled_from([None, None, "SELECT id, v FROM t", "SELECT sum(v) AS s, count(*) AS n FROM t"])
    )
    fields = st.fixed_dictionaries({"id": st.integers(1, 2), "k": st.integers(1, 3), "v": st.integers(1, 6)})
    log = draw(st.lists(fields, min_size=2, max_size=most_events))
    events = tuple(Event(i + 1, {**event, "m": f"m{i + 1}"}) for i, event in enumerate(log))
    return Scenario(
        name="generated",
        title="generated",
        events=events,
        schema=tuple(split(schema)),
        transactions=tuple(transaction(part, f"{i}.sql") for i, part in enumerate(parts)),
        messages=tuple(range(len(events))),
        partitions=tuple(event.fields["id"] for event in events),
        observe=observe,
    )


@st.composite
def _statement(draw: st.DrawFn, number: int) -> str:
    if draw(st.booleans()):
        return draw(st.sampled_from(EXTRAS))
    value = draw(st.sampled_from([":v", ":v", "coalesce(:top, 0) + :v"]))
    head = draw(st.sampled_from(["INSERT", "INSERT", "INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"]))
    source = draw(
        st.sampled_from(
            [
                f"VALUES (:id, :k, {value})",
                f"SELECT :id, :k, {value} WHERE NOT EXISTS (SELECT 1 FROM seen WHERE m = :m)",
            ]
        )
    )
    conflict = ""
    if head == "INSERT" and number in WITH_KEY and draw(st.integers(0, 4)):
        sets = draw(st.sampled_from(SETS))
        conflict = " ON CONFLICT (id) DO " + draw(
            st.sampled_from(["NOTHING", *(f"UPDATE SET {sets}{where}" for where in WHERES)])
        )
    return f"{head} INTO t (id, k, v) {source}{conflict}"


def _bound_before_use(parts: list[str]) -> list[str]:
    """``:top`` needs a SELECT before it; where there is none, one goes in front."""
    whole = "\n".join(parts)
    if ":top" in whole and (" AS top" not in whole or whole.index(":top") < whole.index(" AS top")):
        return [
            f"SELECT count(*) AS c, coalesce(max(v), 0) AS top FROM t WHERE id = :id;\n{parts[0]}",
            *parts[1:],
        ]
    return parts


COUNTS = [
    "v = v + excluded.v",
    "v = t.v + excluded.v, k = max(k, excluded.k)",
    "v = excluded.v + v - 1",
    "v = coalesce(v, 0) + excluded.v",
    "v = v + 1, k = k + 1",
    "v = v + excluded.k",
    "v = v + v",
    "v = excluded.v - v",
    "v = max(v, excluded.v)",
    "v = max(v, v + excluded.v)",
    "k = excluded.v, v = v + 1",
    "k = t.v, v = v + 1",
    "v = v + t.k",
    "v = v + excluded.v WHERE excluded.k > t.k",
    "v = v + excluded.v WHERE t.v < 9",
]
COUNTING = [
    "INSERT INTO seen (m) VALUES (:m) ON CONFLICT DO NOTHING",
    "INSERT INTO seen (m) VALUES (:m) ON CONFLICT DO NOTHING",
    "UPDATE t SET v = v + :v WHERE id = :id AND NOT EXISTS (SELECT 1 FROM seen WHERE m = :m)",
    "UPDATE t SET v = v - :v, k = k + 1 WHERE id = :id",
    "UPDATE t SET k = (SELECT v FROM t WHERE id = :id) WHERE id = :id",
    "UPDATE t SET k = (SELECT * FROM t WHERE id = :id) WHERE id = :id",
    "DELETE FROM t WHERE id = :id AND k < :k",
    "INSERT OR REPLACE INTO t (id, k, v) VALUES (:id, :k, :v)",
    "UPDATE t SET v = 0 WHERE id = :id AND k > 2",
]
COUNTED = [
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER NOT NULL)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER CHECK (v < 9))",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v REAL)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER); INSERT INTO t VALUES (1, 0, 5)",
]


@st.composite
def counting(draw: st.DrawFn, most_events: int = 4) -> Scenario:
    """A scenario that counts, mostly with an inbox; the same message may be in the log twice."""
    statements = draw(st.lists(st.sampled_from(COUNTING), max_size=2))
    if draw(st.integers(0, 5)):
        only_new = draw(st.sampled_from(["NOT EXISTS (SELECT 1 FROM seen WHERE m = :m)", "TRUE"]))
        counted = f"ON CONFLICT (id) DO UPDATE SET {draw(st.sampled_from(COUNTS))}"
        statements.insert(0, f"INSERT INTO t (id, k, v) SELECT :id, :k, :v WHERE {only_new} {counted}")
    schema = "CREATE TABLE seen (m TEXT PRIMARY KEY); " + draw(st.sampled_from(COUNTED))
    values = st.sampled_from([1, 2, 4, 8, 8, "8", None, 1.5])
    fields = st.fixed_dictionaries({"id": st.integers(1, 2), "k": st.integers(1, 3), "v": values})
    log = draw(st.lists(fields, min_size=2, max_size=most_events))
    events, messages = [], []
    for number, event in enumerate(log):
        first = (
            messages[draw(st.integers(0, number - 1))] if number and not draw(st.integers(0, 5)) else number
        )
        messages.append(first)
        copied = log[first] if draw(st.integers(0, 3)) else {**log[first], "v": event["v"]}  # a wrong copy
        events.append(Event(number + 1, {**(copied if first < number else event), "m": f"m{first}"}))
    return Scenario(
        name="counting",
        title="counting",
        events=tuple(events),
        schema=tuple(split(schema)),
        transactions=(transaction(";\n".join(statements or COUNTING[:1]), "write.sql"),),
        messages=tuple(messages),
        partitions=tuple(event.fields["id"] for event in events),
        observe=None,
    )
