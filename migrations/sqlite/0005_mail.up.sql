-- expand: mails to be sent, and the single-use tokens in them
create table outbox (
    id blob not null primary key,
    -- Recipient and content, encrypted under a data key, erased once sent, expired or dead.
    sealed blob,
    state text not null,
    attempts bigint not null,
    created_at text not null,
    next_attempt_at text not null,
    expires_at text not null
);

create index outbox_state on outbox (state, next_attempt_at);

create table mail_tokens (
    -- SHA-256 of the token: the mail is the only place that has it.
    hash blob not null primary key,
    user_id blob not null references users (id) on delete cascade,
    purpose text not null,
    -- The address that the token was sent to and speaks for.
    email text not null,
    expires_at text not null,
    -- A new token ends the older.
    unique (user_id, purpose)
);
