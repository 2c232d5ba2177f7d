CREATE TABLE campaign (
    id      INTEGER PRIMARY KEY,
    email   TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE TABLE sending (
    id   INTEGER NOT NULL,
    date TEXT NOT NULL,
    sent INTEGER NOT NULL,
    PRIMARY KEY (id, date)
);
