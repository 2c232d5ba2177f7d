CREATE TABLE campaign (
    id      INTEGER PRIMARY KEY,
    email   TEXT NOT NULL,
    subject TEXT NOT NULL,
    date    TEXT NOT NULL,
    sent    INTEGER NOT NULL
);
CREATE TABLE progress (
    "partition" INTEGER PRIMARY KEY,
    "offset"    INTEGER NOT NULL
);
