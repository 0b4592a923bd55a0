-- expand: what happened that matters for security
create table audit_events (
    id uuid not null primary key,
    occurred_at timestamptz not null,
    action text collate "C" not null,
    -- Ids only, and without references: the rows outlive the accounts.
    actor_id uuid,
    subject_id uuid,
    request_id text
);

create index audit_events_occurred_at on audit_events (occurred_at, id);
create index audit_events_actor on audit_events (actor_id, occurred_at, id);
create index audit_events_subject on audit_events (subject_id, occurred_at, id);

-- Where it came from: personal data, which the purge of an account deletes.
create table audit_details (
    event_id uuid not null primary key references audit_events (id),
    ip text,
    user_agent text
);

-- What happened cannot be changed afterwards.
create function keep_audit_events() returns trigger language plpgsql as $$
begin
    raise exception 'audit events are kept as they are';
end $$;
create trigger audit_events_keep before update or delete or truncate on audit_events
    for each statement execute function keep_audit_events();
