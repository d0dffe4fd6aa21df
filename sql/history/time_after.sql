-- $1 one timestamptz, $2 other timestamptz
SELECT $1::timestamptz > $2::timestamptz AS after
