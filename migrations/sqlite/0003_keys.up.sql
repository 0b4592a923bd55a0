-- expand: signing keys and data keys, wrapped under the application's secret
create table keys (
    id blob not null primary key,
    purpose text not null,
    ordinal bigint not null,
    wrapped blob not null,
    created_at text not null,
    -- One of each rank, so that servers that start together agree on one key.
    unique (purpose, ordinal)
);
