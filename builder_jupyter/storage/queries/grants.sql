-- standing: whose a workflow is, and what was granted on it to any of these subjects
SELECT w.workspace, w.owner, (
    SELECT list(DISTINCT g.permission) FROM builder_grants g
    WHERE g.workflow_id = $workflow_id AND list_contains($subjects, g.subject)
)
FROM workflows w WHERE w.workflow_id = $workflow_id

-- list: everything that was granted on a workflow
SELECT subject, list(DISTINCT permission) FROM builder_grants WHERE workflow_id = ? GROUP BY subject ORDER BY subject

-- count: how many others than this subject have grants on a workflow
SELECT count(DISTINCT subject) FROM builder_grants WHERE workflow_id = ? AND subject <> ?

-- exists: whether there is such a workflow
SELECT 1 FROM workflows WHERE workflow_id = ?

-- has: whether a subject has grants on a workflow
SELECT 1 FROM builder_grants WHERE workflow_id = ? AND subject = ? LIMIT 1

-- remove: what a subject was granted on a workflow
DELETE FROM builder_grants WHERE workflow_id = ? AND subject = ?

-- insert: new grants of one subject
INSERT INTO builder_grants SELECT ?, ?, unnest(?::VARCHAR[])
