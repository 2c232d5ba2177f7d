CREATE TABLE campaign (
    id       INTEGER PRIMARY KEY,
    email    TEXT NOT NULL,
    subject  TEXT NOT NULL,
    date_1   TEXT NOT NULL,
    sent_1   INTEGER NOT NULL,
    date_2   TEXT,
    sent_2   INTEGER,
    computed INTEGER GENERATED ALWAYS AS (sent_1 + coalesce(sent_2, 0)) VIRTUAL
);
