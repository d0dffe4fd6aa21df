-- no parameters. A time at which nothing can have changed yet, and which still is one to any expression over it.
SELECT (now() + interval '1 year')::text AS moment
