SELECT b.id AS _id, b.updated_at AS _changed_at, b.*
FROM book b
