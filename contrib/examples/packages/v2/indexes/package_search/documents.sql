-- One row is one document. updated_at is indexed, so that
-- reading what changed does not read everything.
SELECT p.name       AS _id,
       p.updated_at AS _changed_at,
       p.name,
       p.version,
       p.summary,
       p.homepage,
       p.installed_size,
       s.name       AS section,
       m.name       AS maintainer,
       needs.names  AS depends_on,
       users.number AS used_by
FROM package p
JOIN section s ON s.id = p.section_id
JOIN maintainer m ON m.id = p.maintainer_id
CROSS JOIN LATERAL (
    SELECT json_agg(d.depends_on ORDER BY d.depends_on) AS names
    FROM dependency d
    WHERE d.package_id = p.id AND d.kind = 'depends'
) needs
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM dependency d
    WHERE d.depends_on = p.name AND d.kind = 'depends'
) users
