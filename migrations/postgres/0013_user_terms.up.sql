-- expand: people are found by the words of their names, and nothing of them outlives their purge
create table user_terms (
    user_id uuid not null references users (id) on delete cascade,
    -- Folded, from the beginning of a word on.
    term text collate "C" not null,
    primary key (user_id, term)
);

create index user_terms_term on user_terms (term, user_id);

-- The version of the account whose terms are there. With none, or another, they are made anew: SQL cannot
-- fold the names that are there already, and the program before this one knows no terms.
alter table users add column terms_version bigint;
create index users_terms_stale on users (id) where terms_version is null or terms_version <> version;

-- Lists of one status in the order of creation. Every version is more than none: only queries that say so
-- take this index, and none that asks for another order.
alter table users alter column status type text collate "C";
create index users_status on users (status, created_at, id) where deleted_at is null and version > 0;
-- Lists of the deleted; and whose time to be purged has come.
create index users_deleted on users (created_at, id) where deleted_at is not null;
create index users_deleted_at on users (deleted_at) where deleted_at is not null;

-- Whom a mail is about: it goes when the account does.
alter table outbox add column subject_id uuid;
create index outbox_subject on outbox (subject_id) where subject_id is not null;
