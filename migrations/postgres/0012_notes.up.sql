-- expand: notes
create table notes (
    id uuid not null primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version bigint not null,
    owner_id uuid not null references users (id) on delete cascade,
    title text collate "C" not null,
    body text
);

create index notes_created_at on notes (owner_id, created_at, id);
create index notes_title on notes (owner_id, title, id);
