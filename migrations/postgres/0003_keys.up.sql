-- expand: signing keys and data keys, wrapped under the application's secret
create table keys (
    id uuid not null primary key,
    purpose text collate "C" not null,
    ordinal bigint not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    -- One of each rank, so that servers that start together agree on one key.
    unique (purpose, ordinal)
);
