-- expand: sign-ins, one row each however often they are refreshed
create table sessions (
    id blob not null primary key,
    user_id blob not null references users (id) on delete cascade,
    -- The refresh token of this generation, made under this key, is the valid one.
    generation bigint not null,
    key_id blob not null,
    created_at text not null,
    refreshed_at text not null,
    last_used_at text not null,
    idle_expires_at text not null,
    expires_at text not null,
    ip text,
    user_agent text
);

create index sessions_user on sessions (user_id, created_at);
create index sessions_idle_expires_at on sessions (idle_expires_at);

-- Attempts at a secret: units taken from a budget, per account and kind of caller.
create table throttles (
    key blob not null primary key,
    used bigint not null,
    undecided bigint not null,
    consecutive bigint not null,
    reserved_at text not null,
    resets_at text not null
);

create index throttles_reserved_at on throttles (reserved_at);
