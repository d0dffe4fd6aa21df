-- One row is one document. updated_at is indexed, so that
-- reading what changed does not read everything.
SELECT p.name       AS _id,
       p.updated_at AS _changed_at,
       p.name,
       p.version,
       p.summary
FROM package p
