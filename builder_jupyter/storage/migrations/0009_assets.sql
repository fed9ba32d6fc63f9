-- Files that people uploaded or steps made. The content lies beside the database, named by its hash.
CREATE TABLE assets (
    asset_id VARCHAR, workspace VARCHAR, canvas_id VARCHAR, file_name VARCHAR, mime_type VARCHAR, size BIGINT,
    sha256 VARCHAR, width INTEGER, height INTEGER, duration_seconds DOUBLE, created_at TIMESTAMP, created_by VARCHAR
);
