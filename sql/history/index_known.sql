-- $1 uuid of an engine index text, $2 id of the action that made it, as the index bears it, text or null. Whether the index is of this history.
SELECT EXISTS (SELECT FROM esmigrate.index_instance WHERE index_uuid = $1)
    OR EXISTS (SELECT FROM esmigrate.index_action
               WHERE id = CASE WHEN $2 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $2::uuid END) AS known
