-- expand: what every replica must hear of, in the order in which it became true
create table access_clock (
    -- One row, locked as the last act of a transaction: the order of commits is the order of numbers.
    singleton bigint not null primary key check (singleton = 1),
    n bigint not null
);

insert into access_clock (singleton, n) values (1, 0);

create table access_changes (
    n bigint not null primary key,
    occurred_at timestamptz not null,
    kind text collate "C" not null,
    subject_id uuid
);

create index access_changes_occurred_at on access_changes (occurred_at);
