-- $1 text. The number that stands for a text among advisory locks.
SELECT pg_catalog.hashtext($1) AS object
