-- $1 moment timestamptz, $2 interval
SELECT $1::timestamptz - $2::interval AS moment
