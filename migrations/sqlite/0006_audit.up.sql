-- expand: what happened that matters for security
create table audit_events (
    id blob not null primary key,
    occurred_at text not null,
    action text not null,
    -- Ids only, and without references: the rows outlive the accounts.
    actor_id blob,
    subject_id blob,
    request_id text
);

create index audit_events_occurred_at on audit_events (occurred_at, id);
create index audit_events_actor on audit_events (actor_id, occurred_at, id);
create index audit_events_subject on audit_events (subject_id, occurred_at, id);

-- Where it came from: personal data, which the purge of an account deletes.
create table audit_details (
    event_id blob not null primary key references audit_events (id),
    ip text,
    user_agent text
);

-- What happened cannot be changed afterwards.
create trigger audit_events_keep_update before update on audit_events
begin select raise(abort, 'audit events are kept as they are'); end;
create trigger audit_events_keep_delete before delete on audit_events
begin select raise(abort, 'audit events are kept as they are'); end;
-- `insert or replace` deletes without a word to the trigger above.
create trigger audit_events_keep_insert before insert on audit_events
when exists (select 1 from audit_events where id = new.id)
begin select raise(abort, 'audit events are kept as they are'); end;
