CREATE TABLE subscriber (
    id    INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    date  TEXT NOT NULL
);
