-- $1 instance_id bigint, $2 action_id uuid (null: of any action). The open rejected documents by type of error, in words and as JSON.
WITH types AS (
    SELECT error_type, count(*) AS documents,
           (array_agg(left(doc_id, 100) ORDER BY length(doc_id), doc_id))[1:3] AS examples
    FROM esmigrate.rejected_document
    WHERE instance_id = $1::bigint AND ($2::uuid IS NULL OR action_id = $2::uuid)
    GROUP BY error_type
)
SELECT string_agg(CASE WHEN documents = 1 THEN format('%s: 1 document, "%s"', error_type, examples[1])
                       ELSE format('%s: %s documents, for example "%s"', error_type, documents, array_to_string(examples, '", "'))
                  END, '; ' ORDER BY documents DESC, error_type) AS words,
       coalesce(json_agg(json_build_object('error_type', error_type, 'documents', documents, 'examples', examples)
                         ORDER BY documents DESC, error_type), '[]') AS json
FROM types
