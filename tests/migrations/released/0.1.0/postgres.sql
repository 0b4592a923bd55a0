-- {"at":"2030-01-01T08:00:02.000000Z","refresh_token":"rt_AbjcfSgAcqi3IdUAP9gFnQAAAAAAAAACAbjcfSgAd6mXssrY7VFSiMmQvjxz8mQsDF6ItS9F_JQ8opw4bmGpbB4NWeoAv8mr","reset_token":"CgfwkyaF78xKe_ZrIQ1fhWV-WER1VJinQ1gJJ6AEz1c","note":{"body":"and butter","created_at":"2030-01-01T08:00:00.000000Z","id":"01b8dc7d-2800-741a-a7d6-e138046f67c4","owner_id":"01b8dc7d-2800-7878-bb71-d373a590274e","title":"Bread","updated_at":"2030-01-01T08:00:00.000000Z"}}
CREATE TABLE schema_migrations (
    version bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    label text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
);
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

-- expand: named sets of permissions
create table roles (
    name text collate "C" not null primary key,
    description text not null,
    built_in boolean not null
);

create table role_permissions (
    role text collate "C" not null references roles (name) on delete cascade,
    permission text collate "C" not null,
    primary key (role, permission)
);

create table user_roles (
    user_id uuid not null references users (id) on delete cascade,
    role text collate "C" not null references roles (name),
    primary key (user_id, role)
);

create index user_roles_role on user_roles (role, user_id);

-- `admin` holds every permission there is; the program knows them, so no rows list them.
insert into roles (name, description, built_in) values
    ('admin', 'Holds every permission', true),
    ('user', 'Holds no permission beyond the own account', true);

-- expand: signing keys and data keys, wrapped under the application's secret
create table keys (
    id uuid not null primary key,
    purpose text collate "C" not null,
    ordinal bigint not null,
    wrapped bytea not null,
    created_at timestamptz not null,
    -- One of each rank, so that servers that start together agree on one key.
    unique (purpose, ordinal)
);

-- expand: sign-ins, one row each however often they are refreshed
create table sessions (
    id uuid not null primary key,
    user_id uuid not null references users (id) on delete cascade,
    -- The refresh token of this generation, made under this key, is the valid one.
    generation bigint not null,
    key_id uuid not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    last_used_at timestamptz not null,
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    ip text,
    user_agent text
);

create index sessions_user on sessions (user_id, created_at);
create index sessions_idle_expires_at on sessions (idle_expires_at);

-- Attempts at a secret: units taken from a budget, per account and kind of caller.
create table throttles (
    key bytea not null primary key,
    used bigint not null,
    undecided bigint not null,
    consecutive bigint not null,
    reserved_at timestamptz not null,
    resets_at timestamptz not null
);

create index throttles_reserved_at on throttles (reserved_at);

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

-- expand: what every replica must hear of, in the order in which it became true
create table access_clock (
    -- One row, locked as the last act of a transaction: the order of commits is the order of numbers.
    singleton bigint not null primary key check (singleton = 1),
    n bigint not null
);

insert into access_clock (singleton, n) values (1, 0);

create table access_changes (
    n bigint not null primary key,
    occurred_at timestamptz not null,
    kind text collate "C" not null,
    subject_id uuid
);

create index access_changes_occurred_at on access_changes (occurred_at);

-- expand: mails are delivered, by one worker among all replicas
alter table outbox add column settled_at timestamptz;
-- Why the last attempt failed, or why the mail is given up. Never an address, never what a server said.
alter table outbox add column reason text;

create index outbox_settled on outbox (settled_at) where settled_at is not null;

create table leases (
    -- What only one process may do at a time.
    name text collate "C" not null primary key,
    holder_id uuid not null,
    -- Raised by one each time the lease changes hands: an earlier holder is known by it.
    fence bigint not null,
    expires_at timestamptz not null
);

-- expand: keys are published before they sign, and a revoked one stays marked
-- Without a time a key signs from the moment it was made.
alter table keys add column signs_at timestamptz;
alter table keys add column revoked_at timestamptz;

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

-- expand: answers to requests that are carried out once
create table idempotency_keys (
    user_id uuid not null references users (id) on delete cascade,
    method text collate "C" not null,
    route text collate "C" not null,
    key text collate "C" not null,
    -- A tag of the body under a key of ours, not its plain digest: a body may hold a password.
    body_tag bytea not null,
    -- The answer, a 201: nothing else is kept. Both are empty only while its transaction lasts.
    location text not null,
    body text not null,
    expires_at timestamptz not null,
    primary key (user_id, method, route, key)
);

create index idempotency_keys_expires_at on idempotency_keys (expires_at);

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

-- expand: roles can be changed, and the audit log says which one was
alter table roles add column version bigint not null default 1;
alter table audit_events add column role text;

-- expand: what a request made is known by its tag when the request comes again
alter table idempotency_keys add column etag text not null default '';

DELETE FROM roles;
DELETE FROM access_clock;
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('1', 'users', 'expand', '346bb3a28a146225a1eb4cefd3d8fb496a9ded08dfe5a885f45b124bc41a0870', '2026-11-23 20:37:10.77398+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('10', 'ways_back', 'expand', '67ce6e17419d82cf202667ea66384f51ebfb9a61e7fc7f3e7b4177d0fd8ab302', '2026-11-23 20:37:10.826851+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('11', 'idempotency', 'expand', '3fc0542f950d4d1371edd6e75e6e09f7564b20d4996b5504d3042511d6d888e3', '2026-11-23 20:37:10.827951+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('12', 'notes', 'expand', 'a4f1a81c4c058b3c7b7aa527dba6e9295a99cd53f21de2521a4bedf1ac2a13e7', '2026-11-23 20:37:10.829157+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('13', 'user_terms', 'expand', 'b619491507a5cfa09e97d926218e42fe2a7b35d435fe82e71c87ba0ee3ab0e3e', '2026-11-23 20:37:10.837095+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('14', 'roles_versions', 'expand', 'cfe88b7afa5bf422334e0729069f34ddc35fbd9f40cb0327da3381748cfa2357', '2026-11-23 20:37:10.843188+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('15', 'idempotency_etags', 'expand', '50bbffdc57e3d8a0e3f9dacd8989d03f8c083573f3d43b03aad2dcecfa4c5aaa', '2026-11-23 20:37:10.84506+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('2', 'roles', 'expand', '00ac809c4e5ac6e2587fb188ebae6cd41586ce05bfcfe31d78dc7301bfe5f5f6', '2026-11-23 20:37:10.793459+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('3', 'keys', 'expand', 'a0e147608e351ec528f0548cd22a74133c79f8aee4c593dc8145ed2be6588dd6', '2026-11-23 20:37:10.796282+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('4', 'sessions', 'expand', 'e496401b2e31c108c29b3b3f48d93c42a2faac061fe3795331e8ad4c19f2c0fd', '2026-11-23 20:37:10.799753+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('5', 'mail', 'expand', '274c6929ff4ff49530ffe80b2d4ccd7763cfbdac2915dd9b44c9e5d8def0001e', '2026-11-23 20:37:10.810813+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('6', 'audit', 'expand', '29c3d228f273bd0eb2bb318a1a3873b6cb13978f786df5fa93a58b69eea7cf71', '2026-11-23 20:37:10.817175+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('7', 'access_feed', 'expand', 'e83aa36df6a97a580474a15c29c4d57fb93ddfb82b2e71986b37d00b5b4eb277', '2026-11-23 20:37:10.819408+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('8', 'mail_delivery', 'expand', '5b4c5b95868e534188ac6e29b23e6ce98f0ec3046d1392f66a27408b6190cc5e', '2026-11-23 20:37:10.825243+00');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ('9', 'keys_lifecycle', 'expand', '85d0f182a5b1e8a828258db57ec03d3c3a50ae8e564f77e1e0ed25f08e8942c7', '2026-11-23 20:37:10.82565+00');
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('everything', '1', '2030-01-01 08:00:00+00', NULL);
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('user', '2', '2030-01-01 08:00:00+00', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('user', '3', '2030-01-01 08:00:02+00', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO access_clock (n, singleton) VALUES ('3', '1');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('email_change_requested', '01b8dc7d-2be8-7614-a5b2-b852ad92e719', '01b8dc7d-2fd0-70c9-a811-07245a047eb0', '2030-01-01 08:00:02+00', '01b8dc7d2fd07ed1aa06b0bd13c79f5d', NULL, '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('email_changed', '01b8dc7d-2be8-7614-a5b2-b852ad92e719', '01b8dc7d-2fd0-7902-8bc3-b061017dbc6b', '2030-01-01 08:00:02+00', '01b8dc7d2fd072439988f16da8cf888b', NULL, '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', '01b8dc7d-2800-7694-9852-aceae78355dc', '01b8dc7d-2800-70eb-8038-c9d85a1fa58b', '2030-01-01 08:00:00+00', '01b8dc7d2800738a911e0449a7e9a476', NULL, '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', '01b8dc7d-2800-7878-bb71-d373a590274e', '01b8dc7d-2800-7389-bf16-c362a87526cd', '2030-01-01 08:00:00+00', '01b8dc7d28007203947c8b2d27e91048', NULL, '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', '01b8dc7d-2be8-7614-a5b2-b852ad92e719', '01b8dc7d-2be8-763f-90d5-72aec9a81e71', '2030-01-01 08:00:01+00', '01b8dc7d2be87a629c1a21e20dd9d72d', NULL, '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('login_failed', NULL, '01b8dc7d-2800-7a9e-ae32-7a80684ffe37', '2030-01-01 08:00:00+00', '01b8dc7d28007dea88648aed7d39682c', NULL, '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('password_reset_requested', NULL, '01b8dc7d-2be8-7189-ab67-6b7799a98ab2', '2030-01-01 08:00:01+00', '01b8dc7d2be87fc3b2bf936c749ad2b6', NULL, '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('registered', NULL, '01b8dc7d-2800-7814-9f2d-b5323c5b7533', '2030-01-01 08:00:00+00', '01b8dc7d28007e258eb35c0a3649fb6a', NULL, '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('registered', NULL, '01b8dc7d-2be8-710c-aaa5-a75e50e28c5e', '2030-01-01 08:00:01+00', '01b8dc7d2be876ff86d2beada8b1464a', NULL, '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('role_created', '01b8dc7d-2800-7694-9852-aceae78355dc', '01b8dc7d-2800-727b-ab73-12052efadb55', '2030-01-01 08:00:00+00', '01b8dc7d280072a782a11b49720a2114', 'reader', NULL);
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('roles_changed', '01b8dc7d-2800-7694-9852-aceae78355dc', '01b8dc7d-2800-78a3-a57f-658fd3cc73e7', '2030-01-01 08:00:00+00', '01b8dc7d28007ecea47f71f747a96760', NULL, '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('user_created', NULL, '01b8dc7d-2800-7ae7-bb0f-3222d983bcd3', '2030-01-01 08:00:00+00', NULL, NULL, '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-7357-8d8c-e27e0ae6de3e', '1', 'outbox', NULL, '2030-01-01 08:00:00+00', E'\\x2d6c5eff5e2a818afe35c708e9d7c1aa0e2e7135b23435d77f2c40d12a49035e61166d22660f141071ccfd8d2d1e6c882bde9b97b986bbba7c46cc373aff463e3f6c256420b6ee56');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-7471-a565-d3c745be76e4', '1', 'cursor', NULL, '2030-01-01 08:00:00+00', E'\\x2eb509a0dea2227104fa23787e5dbc120cb680c69b930c0944873d03eaa02c883e632cf0ee3d018efd60e3cbd3c40930b8ad6e06a11b8f21fc4fff59908221f86091cd7344559b4f');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-77a9-97b2-cad8ed515288', '1', 'refresh', NULL, '2030-01-01 08:00:00+00', E'\\x13650858806021f9fb0f49541e618dbddfbc6898bb47daab3d6ae068fc12d193dd0014aa32127472f4e16c5b0d63f3ee1fb8f9b212fd67b8d12bde5548221d9e8aea6eeb89744698');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-7945-8a27-b752f9059095', '1', 'signing', NULL, '2030-01-01 08:00:00+00', E'\\xaed1ef6821fb9ab3e89e9c7d07e32aa9c034fcd27a0786b1d84154c3b9abd3d8118530ba422f9b1691b95262de37fa667485bd79e690d4b5682c384993ff8d4ba6503da6012cc610');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-7c76-8544-84a266b7dbb4', '1', 'device', NULL, '2030-01-01 08:00:00+00', E'\\x0da34c3b2a99e750c33ee0b15190ce9324e514b64afdc757a565c09e7cb6add3a216c4cfc1933dd85f5d4d887bb920eaa678930149a97219ef40feab30a1bf8a14a413ee3d96bf36');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01 08:00:00+00', '01b8dc7d-2800-7f3b-b5a4-a68c8aa5f7db', '1', 'lookup', NULL, '2030-01-01 08:00:00+00', E'\\x8457b6228230aa1908fe7be8104621457a5e8d50826cf427720633d116a797fa0171e70851037727ffcfa44d1844707667bec6393880a08e153ab9e05be6d1e0bc070b9265dde767');
INSERT INTO leases (expires_at, fence, holder_id, name) VALUES ('2030-01-01 08:00:01+00', '1', '01b8dc7d-2800-7816-8880-3be34eef6577', 'users');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES ('0', '2030-01-01 08:00:00+00', '2030-01-02 08:00:00+00', '01b8dc7d-2800-7be9-8cb7-1d61b0eff84e', '2030-01-01 08:00:00+00', NULL, E'\\x01b8dc7d280073578d8ce27e0ae6de3e30e7638fac3b1684e9ffacc252a3a87537a0556e8824f4bc115635de287c238f3f67fc72f308fbcfa451aa5644dacdeef930db64f78787f46da97a88bca8b9de78c9010717f308b8e4a6bd12ccf4edadc82593005157e4208b5d2dc5360877caa419cf67f1c6071618da4cbfc7ca9effd2ca502ef42a6f14d2202123d2487392f6f8b2c7cb6381e4b5f5206fa0a41e38bb2901b0f3eadb7d9725eb3db3a4abb74e102c073ee7fe5f8fd863bb25f36ada5dd28682509b8bafa6aede2847ad25b615f226e89de6e1a2e742cb42af76cabb3b0d2a2e9b266b2ec5fc6783aa90582cdbbf0a30e0aac97ecdfe7441fff2eebc2236b40f8770e6b11fb5dca278377b872aaa805284eafc7088e983ab50011db2ce4b05779b94cd8a906f7930d5d1913b97793fbf25fc5fe714ceddce2a9165478cbc1500ccff0d4fc705b26777e52621b04b8ad38bc11aa0eb3d26dad12730b7fc796bb1d3112d1c6f3de3e274fe9cbfa668a648882a3cafe91478aadbd8a98d23741dce80b828d084ac88da3e248757c44b735acb06d1306b6465fb95886391cad54d51818550459a61f1f936ad93c116b1e6033de995bc4d93b0c1eb8d2c5b694a35928417b14c1605389187f17fcb0a813cfff7e57a62c266f58cbd73aa76fdcdf4eef040554bbabbc62df172cb0fa64b48de41c11175b4a80f42e7931610b60ae78b097b123bab9c60d3a4f37a054214dfe377d475e67d83279244cfe01ae61f75b36cbfc4c92e2481ad8f66e9be0ef7c4d28150fa7c', NULL, 'queued', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES ('0', '2030-01-01 08:00:01+00', '2030-01-01 08:30:01+00', '01b8dc7d-2be8-7394-a151-3c351b0aa425', '2030-01-01 08:00:01+00', NULL, E'\\x01b8dc7d280073578d8ce27e0ae6de3e5a5e8a2787f4c3c0dd33c07eec9b70f41bd34e56bb910a1d08734184a01841aaff5f5aa24f589c51af0bd249771e28de216c96b65491d44ecd03ec9fcb6acb2c8d928b8772dd7ed9423488f7abe794071163c089df1f5a8bfedce816ee3bcf8511a168d53f63ca96c018769a47f55b54f788ec25d6f72b9c5b9408539bf82b192a8e074810a67cd24e494f89bccc9fe0667e0557a1f99e1f3c3fac3d54f1d56e5368e576d1c9420b21939d08b9c6d73fd176b621e3498a979b0dc2f275a11c2c794ee82dcb2aaa98033d6294be09c2421c6cea5c8603bba4f30f0f3519c0c392c7f7807a52db6d33cfdbdaf885fbf90e184f5b6c72c5c340225210d235a071eae8220189bcd343f3c0accc75b608f1a2fee3a00b36a0eeec8bfb7a41686731b3f87aa6c92dee6fff47ba754902f34c95d7da01befd72f8e2d499306715d3cf4783d543c36e40c583e4ac2649962630d31fffbe403abc57907bc2ee14b72e9ba9deed7d3c45efb9e33dba844333a907e2b9449f5a54c2e76e1c7b8eb97611208ce4bc63edf52c79359ea99d02bd7860f0a561e48388259201dea96a0ecd9f74f46f72fae1ab5410c1ec0b897bf437942cead0ed8b0f12354a84a0f8c5c3ab49f10837bfd03241cd5b6dcbb67985ac518d75de41a8e8725b391ceff73fe7873561152b4c72380b0d8b8dcdf89d6604c3b1b6f6e38b50f6a9dae12c5376dda03bb226725be77998508535cae84e6a1f59bc60d78446d012773629fb84fadb359ad18149cc4a0da698eb', NULL, 'queued', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES ('0', '2030-01-01 08:00:01+00', '2030-01-02 08:00:01+00', '01b8dc7d-2be8-7809-9be4-80ea48530016', '2030-01-01 08:00:01+00', NULL, E'\\x01b8dc7d280073578d8ce27e0ae6de3eec9bad891f82b69fce1a57a96d4a89ff773bfb69404e5fa806d59b1aeb8a6c4ca994e479461a10b13b99b3b36a1cfa3bab6fb456f0bbe76956fcf0d7664530e1c1d5fceb28c405856b78771b1a495350686e3f7f05cdb33e58352f872f7e28b14308744bb88caea60438e5f4d075d8c8b40e05de0abb2e17eacd0d85fc67a1492f09fb70f6323aff519f7472232568ca68731cd947972af49c9a96e5e88b11339540b6f33cab236bb29ca8737a5e66099f016d80c30a4cf115c2e09e2c11b060ffbe11199767d4f5858ec23c04e83283c05de284d257dc58ea78897b613d888c314f6ff88beb39391c1f5e04b02b441b00b16cbc8c9994fefe36e4308277bb11eb7e43fef40bdd77d3e7d28566f43fa60f4f59fbc86fc650b324377aa9b676bdb3733a353701cfd5ebcce735ae1f2389cdf054ef25b7d95db190651ff9d93c6b5d150ac1445b7641e9603e20f52c4851191b1fb6ee194f0f53f50266c289e0dd0458967cce500592f06d687fbf3ca20d1b8149ee6635b125f5c066c3ea1d628a0b22669479f3aa5e22cc51fb102faa6c511934ff00609dd026482e9bc00f90b4140fe828bd987747a3e19b99bbc81f8fdd8e26fa0c22fdb0e4655c0999d4b7b32350bc1d81df82fb98297dd85305bd14aca374b10197c018ac365b063988675997375c8af68a5618c338cb90ae0d8bbf009d96bdb6f5c227081211b05db15a3ea0b0a34369df4121fdbf7762c502431801ce050b7e05e2fd959b2116d47a4f3399dbdc0fc563ee7b', NULL, 'queued', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES ('0', '2030-01-01 08:00:02+00', '2030-01-02 08:00:02+00', '01b8dc7d-2fd0-717a-bf6c-4c271282b81e', '2030-01-01 08:00:02+00', NULL, E'\\x01b8dc7d280073578d8ce27e0ae6de3ef4ce13ddd51fa866bb6f9d2d1b1a756f1d63d346da7f0dec964ead8db6feff17de8e035b371a8f1267033c1be8f0ae8a81c184d72354b311b3616b623ff01d59de2db6eedbc54a850130d15965cb7fef40b526c9fd72f3bef66954fdaafff63043550ba99b57cb77f678c260836a95b430a749ac6a2a229f5d155c1cff0c0749b9e9704d7d91f438cfa27c8f2d4153220d4b9f551975de9d9b10a39f2b7e614e7462729d70596ee1e11ac452a33e9a862d4fa8906618d3d8d7055dee91d8b2d0792800b79c30593e67bbfcbb921364aa66a0f758fecc9e0bddb34b414c0fa98772256539f0af8117f9355ee503ba4b19e7319958f2ee89d9b531a4349e6d5f4b39e62cb174677d0c338ad05ddf725e32f52ea3ef7525f070a4ec41d63ae2d3f92ec953c8de7bb89f4aeaed2de80824e38e91ea19c266594da7824f9f746306828188c16736f57ddc3601dec75a57dece55f37147c6079c42e2361ae5fd8711c5489d8b76ee1bff55db8e13736cc38ec7a7349d809646ddff1b0b8764c68b6e4d0b2e4153a45b6eaa92f29f8506ca0a67be7e4a3f0e969b164f7992cdedfcb90c1ca013f4b1b7628566d00479b5cb7d57f7d8e812298caabfd94284992072313204a0fe85b834108bd3de13f280bf70157b4dedb6ef15ed2a9e6e4d75d0cfdcd57e927e467e066c23d4ce859f8c53788efd31cb0c3c751872bc005695f8ddf344dd70354fd86947fc885e372940bcb428031febf11599144d7642ab299aa48a3cf0354af53d8e414c', NULL, 'queued', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES ('0', '2030-01-01 08:00:02+00', '2030-01-08 08:00:02+00', '01b8dc7d-2fd0-7646-9f24-5be29a76eca8', '2030-01-01 08:00:02+00', NULL, E'\\x01b8dc7d280073578d8ce27e0ae6de3efd0d6304d5cc56f8c757d9f2ebf17e094401c227c6d8a2e6277f1b76eebc100fbc89fdfedc3dd1bec08bcd5485b4c6937c2b18ee65add26ef9208dc3be52af98fd0b9c9908ed93309c4e3996e054dd7db86958938c0cfcdd50663800c9e6ad4b1348cfc8027dfc7599a200e700c7740b2b88f75d37d1e965ad32ec4e9bd0dcb1d789fa865252d6f2bfbc662919bc49cda53af600bf5d81f7f407a0f9fd37e17c9ae16d14c16271cfac3088c5c9cd7b47bbf49439be37c5b02f657a1218dfa1ecd501d17b348ae2cea2f9fd5b9ed9f6fb035d6809338a68126c5a771d4c3aad980cfa7e0bb7a871b854f27fc66f0e72612ad3a2c63707e5b653a4d7ee4464f20e5219e92c6b8e45a485425412c8872a3fbf1789efb8d0a824badd54cf69a9f3e4a4eab60c76ad224a957c8de2104128119ffad05e9c93121d6ae7a306cf9d498ec7286d4272ff9f4b168f43c4f34d4d06bc914eae19484fddc1b6e66895c31d1d9fd94e39f73a2e083938ec2727c1d06374b1cf6c31a6eb3ff284ad64c63226b54ce4a6938ae25a35d81943b6ad10d4b43f4bd1a3828a4110e86bbcf3d2ff87e65a94999f8362a72955264c078d72631ca0e05bf663b212e804836eae6c9d9609cfeb84a69e2c905c9b1ef9d7ac7fd0f96e0fe6e84b7aedf5d9d4dcde3abb3a81ca23f2f85c94adb1a716cd26107d44dbf89ef2b5a4ac03ff145cace0456dfa6714db03d3b5713ec8f872332a28fc37f4c0ef23fe5a5ea76c55ddd2447caf6b1994988b356a596a06', NULL, 'queued', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO roles (built_in, description, name, version) VALUES ('false', 'Reads', 'reader', '1');
INSERT INTO roles (built_in, description, name, version) VALUES ('true', 'Holds every permission', 'admin', '1');
INSERT INTO roles (built_in, description, name, version) VALUES ('true', 'Holds no permission beyond the own account', 'user', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\x259f6e6a8949b48eb3d606d657f7b8bd26a0ae867aba98884376572846663664', '2030-01-01 08:00:00+00', '2030-01-01 09:00:00+00', '1', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\x29cc8a88bb9fc620145f3ad555d7196f004c09a82bb2b39c5ef764dd4baef29f', '2030-01-01 08:00:01+00', '2030-01-01 08:30:01+00', '1', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\x46fb47ca314662d92554b36a5488f4000cab5cc050a0ce327ec50b4682de41ef', '2030-01-01 08:00:02+00', '2030-01-01 08:15:02+00', '0', '0');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\xbacade015e30914270b80ffd8f4880fb348e8f9fa70936e4d230a3e096f28e4b', '2030-01-01 08:00:02+00', '2030-01-01 09:00:02+00', '1', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\xbd321ec333c8708dd09d90d2fe5a83c6838ea53106e1e6f2447f68cc049c8be2', '2030-01-01 08:00:01+00', '2030-01-01 08:15:01+00', '0', '0');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\xbd3bcebd575ddb26983fdc8f39c68c242ee872a7db1bd2399990ed6c837c4083', '2030-01-01 08:00:00+00', '2030-01-01 08:15:00+00', '0', '0');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\xdbb1f788e9d5597bfbd39421745e73d02c61fb3c08a90f65ba5e2f03cfbffc8c', '2030-01-01 08:00:01+00', '2030-01-01 09:00:01+00', '1', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('0', E'\\xee20388f68a8f9a4e1512ceb4376fa3709d61d149de128a5deab10f602533bfc', '2030-01-01 08:00:02+00', '2030-01-01 09:00:02+00', '1', '1');
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES ('1', E'\\x21143350f6c603dcf4147e51d5bafbd33bd4ba870aaaa16f4b0902db41a9ff9e', '2030-01-01 08:00:00+00', '2030-01-01 08:15:00+00', '0', '1');
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01 08:00:00+00', NULL, NULL, 'ada@example.com', 'false', '01b8dc7d-2800-7878-bb71-d373a590274e', '2030-01-01 08:00:00+00', 'en', '$argon2id$v=19$m=64,t=1,p=1$gxRDiMad4eZUinJG7WG+JA$XNVwZV7+LjTqXjKPGUYnfig8GV/+FErggOJxZF1lDEM', 'active', '2', '2030-01-01 08:00:00+00', '2');
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01 08:00:00+00', NULL, NULL, 'root@example.com', 'true', '01b8dc7d-2800-7694-9852-aceae78355dc', '2030-01-01 08:00:00+00', NULL, '$argon2id$v=19$m=64,t=1,p=1$7u40kyUxt031RqMsps7WaA$cGNOWL1GDuLQakc0AOSV68v+pM0FQewT0OvctteValI', 'active', '1', '2030-01-01 08:00:00+00', '1');
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01 08:00:01+00', NULL, NULL, 'robert@example.com', 'true', '01b8dc7d-2be8-7614-a5b2-b852ad92e719', '2030-01-01 08:00:01+00', 'en', '$argon2id$v=19$m=64,t=1,p=1$0JINMf9++MAm8eNuV9MvOg$Gizpnh4cYdyKNPMt2IM449uV2rwcQU/5gNBwHkco0TQ', 'active', '2', '2030-01-01 08:00:02+00', '2');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-70eb-8038-c9d85a1fa58b', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-727b-ab73-12052efadb55', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-7389-bf16-c362a87526cd', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-7814-9f2d-b5323c5b7533', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-78a3-a57f-658fd3cc73e7', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-7a9e-ae32-7a80684ffe37', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2800-7ae7-bb0f-3222d983bcd3', NULL, NULL);
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2be8-710c-aaa5-a75e50e28c5e', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2be8-7189-ab67-6b7799a98ab2', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2be8-763f-90d5-72aec9a81e71', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2fd0-70c9-a811-07245a047eb0', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES ('01b8dc7d-2fd0-7902-8bc3-b061017dbc6b', '192.0.2.7', 'released');
INSERT INTO idempotency_keys (body, body_tag, etag, expires_at, key, location, method, route, user_id) VALUES ('{"id":"01b8dc7d-2800-741a-a7d6-e138046f67c4","owner_id":"01b8dc7d-2800-7878-bb71-d373a590274e","title":"Bread","body":"and butter","created_at":"2030-01-01T08:00:00.000000Z","updated_at":"2030-01-01T08:00:00.000000Z"}', E'\\xc93b68e8f0b082dd6dc77e2c5149014504971b8fb67ae6f6fb95d19341bf23fc', '"1"', '2030-01-02 08:00:00+00', 'kept', '/api/v1/notes/01b8dc7d-2800-741a-a7d6-e138046f67c4', 'POST', '/api/v1/notes', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO mail_tokens (email, expires_at, hash, purpose, user_id) VALUES ('ada@example.com', '2030-01-01 08:30:01+00', E'\\x5e2b591e458deda19dd4feea2126e67c3198edc17b13960a2d94430ba0b9f1e5', 'reset_password', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO mail_tokens (email, expires_at, hash, purpose, user_id) VALUES ('ada@example.com', '2030-01-02 08:00:00+00', E'\\x8a3eeae5a4d929e49cf6f2f0a3cc113ad5a40e008bbc4de9fe0d77a38fad1b0d', 'verify_email', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO notes (body, created_at, id, owner_id, title, updated_at, version) VALUES ('and butter', '2030-01-01 08:00:00+00', '01b8dc7d-2800-741a-a7d6-e138046f67c4', '01b8dc7d-2800-7878-bb71-d373a590274e', 'Bread', '2030-01-01 08:00:00+00', '1');
INSERT INTO role_permissions (permission, role) VALUES ('users:read', 'reader');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01 08:00:00+00', '2030-04-01 08:00:00+00', '1', '01b8dc7d-2800-74aa-afa6-54f6a05eed09', '2030-01-31 08:00:00+00', '192.0.2.7', '01b8dc7d-2800-77a9-97b2-cad8ed515288', '2030-01-01 08:00:00+00', '2030-01-01 08:00:00+00', 'released', '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01 08:00:00+00', '2030-04-01 08:00:00+00', '2', '01b8dc7d-2800-72a8-b721-d5003fd8059d', '2030-01-31 08:00:00+00', '192.0.2.7', '01b8dc7d-2800-77a9-97b2-cad8ed515288', '2030-01-01 08:00:00+00', '2030-01-01 08:00:00+00', 'released', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01 08:00:01+00', '2030-04-01 08:00:01+00', '1', '01b8dc7d-2be8-7e5f-94ea-897c92615d65', '2030-01-31 08:00:01+00', '192.0.2.7', '01b8dc7d-2800-77a9-97b2-cad8ed515288', '2030-01-01 08:00:01+00', '2030-01-01 08:00:01+00', 'released', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO user_roles (role, user_id) VALUES ('admin', '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO user_roles (role, user_id) VALUES ('reader', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO user_roles (role, user_id) VALUES ('user', '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO user_roles (role, user_id) VALUES ('user', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO user_roles (role, user_id) VALUES ('user', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO user_terms (term, user_id) VALUES ('ada@example.com', '01b8dc7d-2800-7878-bb71-d373a590274e');
INSERT INTO user_terms (term, user_id) VALUES ('robert@example.com', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
INSERT INTO user_terms (term, user_id) VALUES ('root@example.com', '01b8dc7d-2800-7694-9852-aceae78355dc');
INSERT INTO ways_back (email, expires_at, hash, opened_at, user_id) VALUES ('bob@example.com', '2030-01-08 08:00:02+00', E'\\x3589da20d66534412b7d9d3e7c6567885c143aa43baf1c75b3181bdfa35863f4', '2030-01-01 08:00:02+00', '01b8dc7d-2be8-7614-a5b2-b852ad92e719');
