-- $1 was timestamptz, $2 uptime_was bigint, $3 is timestamptz, $4 uptime_is bigint (microseconds). By how much less a clock went on than the machine that looked at it twice; and whether that is more than clocks are slowed down by to be set right.
SELECT ($4::bigint - $2::bigint) * interval '1 microsecond' - ($3::timestamptz - $1::timestamptz)
           > interval '1 second' + ($4::bigint - $2::bigint) * interval '1 microsecond' / 1000 AS went_back,
       date_trunc('second', ($4::bigint - $2::bigint) * interval '1 microsecond' - ($3::timestamptz - $1::timestamptz)) AS lost
