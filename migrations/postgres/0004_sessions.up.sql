-- expand: sign-ins, one row each however often they are refreshed
create table sessions (
    id uuid not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- The refresh token of this generation, made under this key, is the valid one.
    generation bigint not null,
    key_id uuid not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    last_used_at timestamptz not null,
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    ip text,
    user_agent text
);

create index sessions_user on sessions (user_id, created_at);
create index sessions_idle_expires_at on sessions (idle_expires_at);

-- Attempts at a secret: units taken from a budget, per account and kind of caller.
create table throttles (
    key bytea not null primary key,
    used bigint not null,
    undecided bigint not null,
    consecutive bigint not null,
    reserved_at timestamptz not null,
    resets_at timestamptz not null
);

create index throttles_reserved_at on throttles (reserved_at);
