-- The packages whose document may have changed since $1,
-- through whichever table. A name that documents.sql no
-- longer returns is taken out of the index.
SELECT name AS _id
FROM package
WHERE updated_at >= $1
UNION
SELECT p.name
FROM section s
JOIN package p ON p.section_id = s.id
WHERE s.updated_at >= $1
UNION
SELECT p.name
FROM maintainer m
JOIN package p ON p.maintainer_id = m.id
WHERE m.updated_at >= $1
UNION
SELECT p.name
FROM dependency d
JOIN package p ON p.id = d.package_id
WHERE d.updated_at >= $1
UNION
SELECT depends_on
FROM dependency
WHERE updated_at >= $1
UNION
SELECT name
FROM package_trace
WHERE left_at >= $1
