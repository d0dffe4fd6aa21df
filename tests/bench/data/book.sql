-- Rows of eight typed columns: documents of about 200 bytes.
CREATE TABLE book (
    id bigint PRIMARY KEY,
    title text NOT NULL,
    author text NOT NULL,
    pages integer NOT NULL,
    price numeric(8, 2) NOT NULL,
    available boolean NOT NULL,
    published date NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON book (updated_at);
