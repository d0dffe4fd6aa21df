SELECT c.id AS _id, c.updated_at AS _changed_at, c.id, c.title, c.summary, c.price, c.published, c.starts_on,
    json_build_object('name', t.name, 'biography', t.biography) AS teacher,
    (SELECT json_agg(json_build_object('title', l.title, 'content', l.content, 'minutes', l.minutes) ORDER BY l.place)
     FROM lesson l WHERE l.course_id = c.id) AS lessons
FROM course c
JOIN teacher t ON t.id = c.teacher_id
