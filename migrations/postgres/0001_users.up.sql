-- expand: accounts
create table users (
    id uuid not null primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version bigint not null,
    email text collate "C" not null,
    email_verified boolean not null,
    password_hash text,
    display_name text,
    locale text,
    status text not null,
    last_login_at timestamptz,
    deleted_at timestamptz
);

-- An address is free again once its account is deleted.
create unique index users_email on users (email) where deleted_at is null;
create index users_created_at on users (created_at, id);
create index users_last_login_at on users (last_login_at nulls first, id);
create index users_email_sort on users (email, id);
