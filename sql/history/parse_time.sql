-- $1 text. A moment as PostgreSQL reads it; with a zone or an offset in it, or refused by the caller.
SELECT $1::timestamptz AS moment
