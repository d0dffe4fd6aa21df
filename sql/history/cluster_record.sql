-- $1 cluster_uuid text. Which engine cluster the indexes of this history are on; recorded by the first command that needs it. Returns the recorded one.
WITH recorded AS (
    UPDATE esmigrate.installation SET cluster_uuid = $1 WHERE cluster_uuid IS NULL RETURNING cluster_uuid
)
SELECT coalesce((SELECT cluster_uuid FROM recorded), (SELECT cluster_uuid FROM esmigrate.installation)) AS cluster_uuid
