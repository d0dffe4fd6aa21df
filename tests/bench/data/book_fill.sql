INSERT INTO book
SELECT id, phrase(id, 1) || CASE WHEN number_below(id, 101, 2) = 0 THEN '' ELSE ': ' || phrase(id, 6) END,
    initcap(word(id, 102) || ' ' || word(id, 103)),
    40 + number_below(id, 104, 900), (100 + number_below(id, 105, 9900)) / 100.0, number_below(id, 106, 4) > 0,
    date '1960-01-01' + number_below(id, 107, 24000),
    timestamptz '2020-01-01 00:00:00Z' + number_below(id, 108, 150000000) * interval '1 second'
        + number_below(id, 109, 1000000) * interval '1 microsecond'
FROM generate_series(1, :rows) id
