CREATE TABLE campaign (
    id      INTEGER PRIMARY KEY,
    email   TEXT NOT NULL,
    subject TEXT NOT NULL,
    date    TEXT NOT NULL,
    sent    INTEGER NOT NULL
);
