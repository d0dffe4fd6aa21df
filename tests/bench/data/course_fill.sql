-- The lessons of a course lie side by side, as an application writes them.
WITH teachers AS (
    INSERT INTO teacher
    SELECT id, initcap(word(id, 1) || ' ' || word(id, 2)), paragraph(id, 3)
    FROM generate_series(1, greatest(1, :rows / 20)) id
), courses AS (
    INSERT INTO course
    SELECT id, 1 + number_below(id, 201, greatest(1, :rows / 20)), phrase(id, 1),
        paragraph(id, 6) || ' ' || paragraph(id, 36),
        (100 + number_below(id, 202, 90000)) / 100.0, number_below(id, 203, 5) > 0,
        date '2020-01-01' + number_below(id, 204, 3000),
        timestamptz '2020-01-01 00:00:00Z' + number_below(id, 205, 150000000) * interval '1 second'
    FROM generate_series(1, :rows) id
)
INSERT INTO lesson
SELECT id, place, phrase(id * 16 + place, 1), paragraph(id * 16 + place, 6),
    10 + number_below(id, place, 80)
FROM generate_series(1, :rows) id, generate_series(1, 12) place
ORDER BY id, place
