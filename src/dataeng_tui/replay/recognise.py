"""The small grammar of statements whose rows are known from their text alone.

Every access to a table must name its rows by ``column = :field``. Any word that is not known (a function, a
join, a subquery of another kind) makes the whole statement unknown, so that nothing is proved by mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataeng_tui.replay.database import Database
from dataeng_tui.replay.program import Statement, Token, named, tokens

_FUNCTIONS = {
    "ABS", "COALESCE", "COUNT", "DATE", "DATETIME", "IFNULL", "IIF", "INSTR", "JSON_EXTRACT", "JULIANDAY",
    "LENGTH", "LOWER", "LTRIM", "MAX", "MIN", "NULLIF", "REPLACE", "ROUND", "RTRIM", "STRFTIME", "SUBSTR",
    "SUM", "TIME", "TRIM", "UPPER",
}  # fmt: skip
_WORDS = {
    "AND", "AS", "CASE", "CAST", "ELSE", "END", "EXCLUDED", "IN", "INTEGER", "IS", "NOT", "NULL",
    "OR", "TEXT", "THEN", "WHEN", "TRUE", "FALSE", "DISTINCT",
}  # fmt: skip


class Unknown(Exception):
    """The statement is not one of those whose rows are known."""


@dataclass(frozen=True, slots=True)
class Access:
    """A statement's rows of one table: those where each column, by its index, equals the event's field."""

    table: int
    fields: Mapping[int, str]


def accesses(database: Database, statement: Statement) -> tuple[list[Access], set[tuple[int, int]]]:
    """Every access of the statement, and the columns, with their tables, that it assigns. Raises Unknown."""
    if statement.named is None:
        parser = Parser(database, statement.sql)
        return parser.statement(), parser.assigned
    names = [table.name.lower() for table in database.tables]
    number = names.index(statement.named.table.lower())
    columns = [column.lower() for column in database.tables[number].columns]
    told = statement.named.fields.items()
    fields = {columns.index(column): field for column, field in told if field not in database.locals}
    return [Access(number, fields)], {(number, columns.index(column)) for column in statement.named.assigned}


class Parser:
    """Recognises one statement, or raises Unknown."""

    def __init__(self, database: Database, sql: str) -> None:
        self.tables = {table.name.upper(): number for number, table in enumerate(database.tables)}
        self.shapes = database.tables
        self.locals = set(database.locals)
        self.words = [token for token in tokens(sql) if token.kind != "blank"]
        self.at = 0
        self.found: list[Access] = []
        self.assigned: set[tuple[int, int]] = set()

    def statement(self) -> list[Access]:
        """Every access of the statement."""
        first = self._next().text.upper()
        if first == "INSERT":
            self._insert()
        elif first == "DELETE":
            self._expect("FROM")
            self._where(self._table())
        elif first == "UPDATE":
            table = self._table()
            self._expect("SET")
            assigned = self._until({"WHERE"})
            self._where(table, assigned=assigned)
        elif first == "SELECT":
            self._select(self._rest())
        else:
            raise Unknown
        return self.found

    # INSERT

    def _insert(self) -> None:
        if self._peek() == "OR":
            self._next()
            if self._next().text.upper() not in {"IGNORE", "REPLACE", "ABORT"}:
                raise Unknown
        self._expect("INTO")
        table = self._table()
        columns = [self._column(table, part) for part in _parts(self._bracketed())]
        kind = self._next().text.upper()
        if kind == "VALUES":
            values, condition = _parts(self._bracketed()), []
        elif kind == "SELECT":
            values = _parts(self._until({"WHERE", "ON"}))
            condition = self._until({"ON"}) if self._peek() == "WHERE" else []
        else:
            raise Unknown
        if len(values) != len(columns):
            raise Unknown
        for part in values:
            self._expression(part, None)
        self._expression(condition, None)
        fields = {
            column: value[0].text[1:]
            for column, value in zip(columns, values, strict=True)
            if len(value) == 1 and self._is_field(value[0])
        }
        self.found.append(Access(table, fields))
        self._conflict(table)

    def _is_field(self, token: Token) -> bool:
        return token.kind == "parameter" and token.text[1:] not in self.locals

    def _conflict(self, table: int) -> None:
        while self._peek() == "ON":
            self._next()
            self._expect("CONFLICT")
            if self._peek() == "(":
                for part in _parts(self._bracketed()):
                    self._column(table, part)
            self._expect("DO")
            if self._next().text.upper() == "NOTHING":
                continue
            self._expect("SET")
            assigned = self._until({"WHERE", "ON"})
            self._assigns_other_columns(table, assigned)
            condition = self._until({"ON"}) if self._peek() == "WHERE" else []
            self._expression(assigned, table)
            self._expression(condition, table)
        if self.at != len(self.words):
            raise Unknown

    def _assigns_other_columns(self, table: int, assigned: list[Token]) -> None:
        """Note which columns are assigned: a row must stay where it belongs, so they tell no events apart."""
        for part in _parts(assigned):
            if len(part) < 3 or part[1].text != "=":
                raise Unknown
            self.assigned.add((table, self._column(table, part[:1])))

    # WHERE

    def _where(self, table: int, assigned: list[Token] | None = None) -> None:
        if assigned is not None:
            self._assigns_other_columns(table, assigned)
            self._expression(assigned, table)
        self._expect("WHERE")
        self._named_rows(table, self._rest())

    def _named_rows(self, table: int, condition: list[Token]) -> None:
        """``column = :field AND …``: the fields by which the rows are named."""
        fields: dict[int, str] = {}
        for part in _conjuncts(condition):
            if len(part) == 3 and part[1].text == "=":
                for one, other in ((part[0], part[2]), (part[2], part[0])):
                    if self._is_field(other) and one.kind in {"word", "text"}:
                        fields[self._column(table, [one])] = other.text[1:]
        self._expression(condition, table)
        self.found.append(Access(table, fields))

    def _select(self, words: list[Token]) -> None:
        """``SELECT list [FROM table WHERE …]``; the list alone may ask again."""
        place = _outer(words, "FROM")
        if place is None:
            self._expression(words, None)
            return
        if place + 2 >= len(words) or words[place + 2].text.upper() != "WHERE":
            raise Unknown
        table = self._numbered(words[place + 1])
        self._expression(words[:place], table)
        self._named_rows(table, words[place + 3 :])

    def _expression(self, words: list[Token], table: int | None) -> None:
        """Only known words; a bracketed SELECT is an access of its own."""
        columns = set() if table is None else {name.upper() for name in self.shapes[table].shown}
        names = {"" if table is None else self.shapes[table].name.upper()}
        index = 0
        while index < len(words):
            token = words[index]
            upper = named(token)
            if token.kind == "word" and upper == "SELECT":
                end = _closing(words, index)
                self._select(words[index + 1 : end])
                index = end
                continue
            called = index + 1 < len(words) and words[index + 1].text == "("
            if (
                token.kind == "word"
                and called
                and upper not in _FUNCTIONS | {"EXISTS", "IN", "AND", "OR", "NOT"}
            ):
                raise Unknown
            known = upper in columns | names | _WORDS or (called and upper in _FUNCTIONS | {"EXISTS"})
            if token.kind == "word" and not known and not _is_alias(words, index):
                raise Unknown
            quoted = token.kind == "text" and not token.text.startswith("'")
            if quoted and upper not in columns | names | {"EXCLUDED"}:
                raise Unknown
            index += 1

    # Tokens

    def _peek(self) -> str:
        return self.words[self.at].text.upper() if self.at < len(self.words) else ""

    def _next(self) -> Token:
        if self.at >= len(self.words):
            raise Unknown
        self.at += 1
        return self.words[self.at - 1]

    def _expect(self, word: str) -> None:
        if self._next().text.upper() != word:
            raise Unknown

    def _table(self) -> int:
        return self._numbered(self._next())

    def _numbered(self, token: Token) -> int:
        if named(token) not in self.tables:
            raise Unknown
        return self.tables[named(token)]

    def _column(self, table: int, part: list[Token]) -> int:
        names = [name.upper() for name in self.shapes[table].columns]
        if len(part) != 1 or named(part[0]) not in names:
            raise Unknown
        return names.index(named(part[0]))

    def _bracketed(self) -> list[Token]:
        self._expect("(")
        end = _closing(self.words, self.at)
        inner = self.words[self.at : end]
        self.at = end + 1
        return inner

    def _until(self, stops: set[str]) -> list[Token]:
        """The words up to one of ``stops`` outside every bracket; a leading WHERE is left out."""
        if self._peek() == "WHERE":
            self._next()
        places = [place for stop in stops if (place := _outer(self.words[self.at :], stop)) is not None]
        end = self.at + min(places, default=len(self.words) - self.at)
        inner = self.words[self.at : end]
        self.at = end
        return inner

    def _rest(self) -> list[Token]:
        inner = self.words[self.at :]
        self.at = len(self.words)
        return inner


def _parts(words: list[Token]) -> list[list[Token]]:
    """The words between commas outside every bracket."""
    return _split(words, ",")


def _conjuncts(words: list[Token]) -> list[list[Token]]:
    """The conditions that all have to hold; one only, where an OR stands outside every bracket."""
    while len(words) > 2 and words[0].text == "(" and _closing(words, 1) == len(words) - 1:
        words = words[1:-1]
    parts = _split(words, "AND")
    if _outer(words, "OR") is not None or len(parts) == 1:
        return [words]
    return [condition for part in parts for condition in _conjuncts(part)]


def _split(words: list[Token], separator: str) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    depth = 0
    for token in words:
        depth += _deeper(token)
        if depth == 0 and token.text.upper() == separator:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _outer(words: Sequence[Token], word: str) -> int | None:
    """The place of the first ``word`` outside every bracket."""
    depth = 0
    for place, token in enumerate(words):
        depth += _deeper(token)
        if depth == 0 and token.kind == "word" and token.text.upper() == word:
            return place
    return None


def _closing(words: Sequence[Token], start: int) -> int:
    """The place of the bracket that closes what is open at ``start``."""
    depth = 0
    for place in range(start, len(words)):
        depth += (words[place].text == "(") - (words[place].text == ")")
        if depth < 0:
            return place
    raise Unknown


def _deeper(token: Token) -> int:
    upper = token.text.upper()
    return (upper in {"(", "CASE"}) - (upper in {")", "END"})


def _is_alias(words: Sequence[Token], index: int) -> bool:
    return index > 0 and words[index - 1].text.upper() == "AS"
