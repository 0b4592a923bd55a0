-- expand: ways back to the addresses that an account had, one for each
create table ways_back (
    -- SHA-256 of the token: the mail is the only place that has it.
    hash bytea not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    email text collate "C" not null,
    -- Since when there is a way back to this address: who had the account first goes before.
    opened_at timestamptz not null,
    expires_at timestamptz not null,
    -- A new token ends the older for the same address.
    unique (user_id, email)
);

insert into ways_back (hash, user_id, email, opened_at, expires_at)
select hash, user_id, email, '1970-01-01T00:00:00.000000Z', expires_at from mail_tokens where purpose = 'cancel_email_change';
