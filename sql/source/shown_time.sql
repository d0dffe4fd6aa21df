-- $1 timestamptz, $2 zone text (null: of a column with time zone). A time as a plan shows it.
SELECT CASE WHEN $2::text IS NULL THEN $1::timestamptz::text
            ELSE ($1::timestamptz AT TIME ZONE $2::text)::text END AS shown
