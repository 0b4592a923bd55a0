-- expand: notes
create table notes (
    id blob not null primary key,
    created_at text not null,
    updated_at text not null,
    version bigint not null,
    owner_id blob not null references users (id) on delete cascade,
    title text not null,
    body text
);

create index notes_created_at on notes (owner_id, created_at, id);
create index notes_title on notes (owner_id, title, id);
