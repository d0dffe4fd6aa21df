-- $1 action_id uuid. After an update that read them all: those it did not reject again were accepted or are gone. Returns how many are open.
WITH mine AS (
    SELECT id, instance_id FROM esmigrate.index_action WHERE id = $1::uuid AND status = 'running'
), settled AS (
    DELETE FROM esmigrate.rejected_document d USING mine
    WHERE d.instance_id = mine.instance_id AND d.action_id <> mine.id
)
SELECT count(*) AS open FROM esmigrate.rejected_document d JOIN mine ON d.instance_id = mine.instance_id
WHERE d.action_id = mine.id
