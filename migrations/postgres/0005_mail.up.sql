-- expand: mails to be sent, and the single-use tokens in them
create table outbox (
    id uuid not null primary key,
    -- Recipient and content, encrypted under a data key, erased once sent, expired or dead.
    sealed bytea,
    state text collate "C" not null,
    attempts bigint not null,
    created_at timestamptz not null,
    next_attempt_at timestamptz not null,
    expires_at timestamptz not null
);

create index outbox_state on outbox (state, next_attempt_at);

create table mail_tokens (
    -- SHA-256 of the token: the mail is the only place that has it.
    hash bytea not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    purpose text collate "C" not null,
    -- The address that the token was sent to and speaks for.
    email text collate "C" not null,
    expires_at timestamptz not null,
    -- A new token ends the older.
    unique (user_id, purpose)
);
