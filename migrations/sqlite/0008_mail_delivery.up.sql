-- expand: mails are delivered, by one worker among all replicas
alter table outbox add column settled_at text;
-- Why the last attempt failed, or why the mail is given up. Never an address, never what a server said.
alter table outbox add column reason text;

create index outbox_settled on outbox (settled_at) where settled_at is not null;

create table leases (
    -- What only one process may do at a time.
    name text not null primary key,
    holder_id blob not null,
    -- Raised by one each time the lease changes hands: an earlier holder is known by it.
    fence bigint not null,
    expires_at text not null
);
