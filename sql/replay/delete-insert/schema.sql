CREATE TABLE sending (
    id    INTEGER NOT NULL,
    email TEXT NOT NULL,
    date  TEXT NOT NULL,
    sent  INTEGER NOT NULL
);
