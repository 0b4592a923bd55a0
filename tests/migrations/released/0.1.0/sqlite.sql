-- {"at":"2030-01-01T08:00:02.000000Z","refresh_token":"rt_AbjcfSgAcqi3IdUAP9gFnQAAAAAAAAACAbjcfSgAd6mXssrY7VFSiMmQvjxz8mQsDF6ItS9F_JQ8opw4bmGpbB4NWeoAv8mr","reset_token":"CgfwkyaF78xKe_ZrIQ1fhWV-WER1VJinQ1gJJ6AEz1c","note":{"body":"and butter","created_at":"2030-01-01T08:00:00.000000Z","id":"01b8dc7d-2800-741a-a7d6-e138046f67c4","owner_id":"01b8dc7d-2800-7878-bb71-d373a590274e","title":"Bread","updated_at":"2030-01-01T08:00:00.000000Z"}}
PRAGMA foreign_keys = off;
CREATE TABLE schema_migrations (
    version bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    label text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
);
-- expand: accounts
create table users (
    id blob not null primary key,
    created_at text not null,
    updated_at text not null,
    version bigint not null,
    email text not null,
    email_verified boolean not null,
    password_hash text,
    display_name text,
    locale text,
    status text not null,
    last_login_at text,
    deleted_at text
);

-- An address is free again once its account is deleted.
create unique index users_email on users (email) where deleted_at is null;
create index users_created_at on users (created_at, id);
create index users_last_login_at on users (last_login_at, id);
create index users_email_sort on users (email, id);

-- expand: named sets of permissions
create table roles (
    name text not null primary key,
    description text not null,
    built_in boolean not null
);

create table role_permissions (
    role text not null references roles (name) on delete cascade,
    permission text not null,
    primary key (role, permission)
);

create table user_roles (
    user_id blob not null references users (id) on delete cascade,
    role text not null references roles (name),
    primary key (user_id, role)
);

create index user_roles_role on user_roles (role, user_id);

-- `admin` holds every permission there is; the program knows them, so no rows list them.
insert into roles (name, description, built_in) values
    ('admin', 'Holds every permission', true),
    ('user', 'Holds no permission beyond the own account', true);

-- expand: signing keys and data keys, wrapped under the application's secret
create table keys (
    id blob not null primary key,
    purpose text not null,
    ordinal bigint not null,
    wrapped blob not null,
    created_at text not null,
    -- One of each rank, so that servers that start together agree on one key.
    unique (purpose, ordinal)
);

-- expand: sign-ins, one row each however often they are refreshed
create table sessions (
    id blob not null primary key,
    user_id blob not null references users (id) on delete cascade,
    -- The refresh token of this generation, made under this key, is the valid one.
    generation bigint not null,
    key_id blob not null,
    created_at text not null,
    refreshed_at text not null,
    last_used_at text not null,
    idle_expires_at text not null,
    expires_at text not null,
    ip text,
    user_agent text
);

create index sessions_user on sessions (user_id, created_at);
create index sessions_idle_expires_at on sessions (idle_expires_at);

-- Attempts at a secret: units taken from a budget, per account and kind of caller.
create table throttles (
    key blob not null primary key,
    used bigint not null,
    undecided bigint not null,
    consecutive bigint not null,
    reserved_at text not null,
    resets_at text not null
);

create index throttles_reserved_at on throttles (reserved_at);

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

-- expand: what every replica must hear of, in the order in which it became true
create table access_clock (
    -- One row, locked as the last act of a transaction: the order of commits is the order of numbers.
    singleton bigint not null primary key check (singleton = 1),
    n bigint not null
);

insert into access_clock (singleton, n) values (1, 0);

create table access_changes (
    n bigint not null primary key,
    occurred_at text not null,
    kind text not null,
    subject_id blob
);

create index access_changes_occurred_at on access_changes (occurred_at);

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

-- expand: keys are published before they sign, and a revoked one stays marked
-- Without a time a key signs from the moment it was made.
alter table keys add column signs_at text;
alter table keys add column revoked_at text;

-- expand: ways back to the addresses that an account had, one for each
create table ways_back (
    -- SHA-256 of the token: the mail is the only place that has it.
    hash blob not null primary key,
    user_id blob not null references users (id) on delete cascade,
    email text not null,
    -- Since when there is a way back to this address: who had the account first goes before.
    opened_at text not null,
    expires_at text not null,
    -- A new token ends the older for the same address.
    unique (user_id, email)
);

insert into ways_back (hash, user_id, email, opened_at, expires_at)
select hash, user_id, email, '1970-01-01T00:00:00.000000Z', expires_at from mail_tokens where purpose = 'cancel_email_change';

-- expand: answers to requests that are carried out once
create table idempotency_keys (
    user_id blob not null references users (id) on delete cascade,
    method text not null,
    route text not null,
    key text not null,
    -- A tag of the body under a key of ours, not its plain digest: a body may hold a password.
    body_tag blob not null,
    -- The answer, a 201: nothing else is kept. Both are empty only while its transaction lasts.
    location text not null,
    body text not null,
    expires_at text not null,
    primary key (user_id, method, route, key)
);

create index idempotency_keys_expires_at on idempotency_keys (expires_at);

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

-- expand: people are found by the words of their names, and nothing of them outlives their purge
create table user_terms (
    user_id blob not null references users (id) on delete cascade,
    -- Folded, from the beginning of a word on.
    term text not null,
    primary key (user_id, term)
);

create index user_terms_term on user_terms (term, user_id);

-- The version of the account whose terms are there. With none, or another, they are made anew: SQL cannot
-- fold the names that are there already, and the program before this one knows no terms.
alter table users add column terms_version bigint;
create index users_terms_stale on users (id) where terms_version is null or terms_version <> version;

-- Lists of one status in the order of creation. Every version is more than none: only queries that say so
-- take this index, and none that asks for another order.
create index users_status on users (status, created_at, id) where deleted_at is null and version > 0;
-- Lists of the deleted; and whose time to be purged has come.
create index users_deleted on users (created_at, id) where deleted_at is not null;
create index users_deleted_at on users (deleted_at) where deleted_at is not null;

-- Whom a mail is about: it goes when the account does.
alter table outbox add column subject_id blob;
create index outbox_subject on outbox (subject_id) where subject_id is not null;

-- expand: roles can be changed, and the audit log says which one was
alter table roles add column version bigint not null default 1;
alter table audit_events add column role text;

-- expand: what a request made is known by its tag when the request comes again
alter table idempotency_keys add column etag text not null default '';

DELETE FROM roles;
DELETE FROM access_clock;
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (1, 'users', 'expand', 'f45113039f91fff39bb4c3ba7ffc1b1a0e1acedbc9a5ef14375df1718f70c96c', '2026-11-23T20:37:08.269867Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (10, 'ways_back', 'expand', 'd520cb27835295658935f4d00dad6bf5b943f140c52c60d38bed7a0c8a93c1ec', '2026-11-23T20:37:08.307987Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (11, 'idempotency', 'expand', 'b58d8707deb102dad158e79ae8cb5a04a4ac23fe28283ada04deec7bd0fd993c', '2026-11-23T20:37:08.310339Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (12, 'notes', 'expand', 'b2a0d35d80973486628d7c1c26c82266847a95df71e5153f7996013cf347c067', '2026-11-23T20:37:08.312990Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (13, 'user_terms', 'expand', 'fc64cc2a526c64a2ed8c861b8ddbce65fb49286a940393d7285c226c72ee2a2e', '2026-11-23T20:37:08.321690Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (14, 'roles_versions', 'expand', 'cfe88b7afa5bf422334e0729069f34ddc35fbd9f40cb0327da3381748cfa2357', '2026-11-23T20:37:08.325567Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (15, 'idempotency_etags', 'expand', '50bbffdc57e3d8a0e3f9dacd8989d03f8c083573f3d43b03aad2dcecfa4c5aaa', '2026-11-23T20:37:08.327747Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (2, 'roles', 'expand', '53599590e5025a74f43e6bf9bbed1aded1172b9a57619234303f5a7ed140337e', '2026-11-23T20:37:08.275491Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (3, 'keys', 'expand', 'ae87ba279b15385a083e2a4b52fa413d4b9d26b90ff434ce989622c38a8e5087', '2026-11-23T20:37:08.276570Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (4, 'sessions', 'expand', '63382e477461002aea7b601f7ac5619870ebaabffdc8fbf33a37f9289b46ab23', '2026-11-23T20:37:08.290227Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (5, 'mail', 'expand', '471742808070b07657dd27ecc454494baf1260a4bfec8af48e521040fdfa615f', '2026-11-23T20:37:08.292009Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (6, 'audit', 'expand', 'c7049d8e591195709c7e8e91f2ae22c1ebfd0d619f120a10f988b16fb6c9fde3', '2026-11-23T20:37:08.293251Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (7, 'access_feed', 'expand', '74d3db4139c7eb3992d80063e1924a668118ac1a32f5b589893a24af1b089805', '2026-11-23T20:37:08.293993Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (8, 'mail_delivery', 'expand', 'e2eda96c0b0f901212f3e5e38e65020214e814dee20ed114bf5e6d36beaf094a', '2026-11-23T20:37:08.295755Z');
INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES (9, 'keys_lifecycle', 'expand', '475c511dbfd1fa6098818f71c13f53e2f98d7d3d3e4c1e695fffd5dcbb15c00e', '2026-11-23T20:37:08.301998Z');
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('everything', 1, '2030-01-01T08:00:00.000000Z', NULL);
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('user', 2, '2030-01-01T08:00:00.000000Z', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO access_changes (kind, n, occurred_at, subject_id) VALUES ('user', 3, '2030-01-01T08:00:02.000000Z', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO access_clock (n, singleton) VALUES (3, 1);
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('email_change_requested', X'01B8DC7D2BE87614A5B2B852AD92E719', X'01B8DC7D2FD070C9A81107245A047EB0', '2030-01-01T08:00:02.000000Z', '01b8dc7d2fd07ed1aa06b0bd13c79f5d', NULL, X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('email_changed', X'01B8DC7D2BE87614A5B2B852AD92E719', X'01B8DC7D2FD079028BC3B061017DBC6B', '2030-01-01T08:00:02.000000Z', '01b8dc7d2fd072439988f16da8cf888b', NULL, X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', X'01B8DC7D280076949852ACEAE78355DC', X'01B8DC7D280070EB8038C9D85A1FA58B', '2030-01-01T08:00:00.000000Z', '01b8dc7d2800738a911e0449a7e9a476', NULL, X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', X'01B8DC7D28007878BB71D373A590274E', X'01B8DC7D28007389BF16C362A87526CD', '2030-01-01T08:00:00.000000Z', '01b8dc7d28007203947c8b2d27e91048', NULL, X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('logged_in', X'01B8DC7D2BE87614A5B2B852AD92E719', X'01B8DC7D2BE8763F90D572AEC9A81E71', '2030-01-01T08:00:01.000000Z', '01b8dc7d2be87a629c1a21e20dd9d72d', NULL, X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('login_failed', NULL, X'01B8DC7D28007A9EAE327A80684FFE37', '2030-01-01T08:00:00.000000Z', '01b8dc7d28007dea88648aed7d39682c', NULL, X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('password_reset_requested', NULL, X'01B8DC7D2BE87189AB676B7799A98AB2', '2030-01-01T08:00:01.000000Z', '01b8dc7d2be87fc3b2bf936c749ad2b6', NULL, X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('registered', NULL, X'01B8DC7D280078149F2DB5323C5B7533', '2030-01-01T08:00:00.000000Z', '01b8dc7d28007e258eb35c0a3649fb6a', NULL, X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('registered', NULL, X'01B8DC7D2BE8710CAAA5A75E50E28C5E', '2030-01-01T08:00:01.000000Z', '01b8dc7d2be876ff86d2beada8b1464a', NULL, X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('role_created', X'01B8DC7D280076949852ACEAE78355DC', X'01B8DC7D2800727BAB7312052EFADB55', '2030-01-01T08:00:00.000000Z', '01b8dc7d280072a782a11b49720a2114', 'reader', NULL);
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('roles_changed', X'01B8DC7D280076949852ACEAE78355DC', X'01B8DC7D280078A3A57F658FD3CC73E7', '2030-01-01T08:00:00.000000Z', '01b8dc7d28007ecea47f71f747a96760', NULL, X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO audit_events (action, actor_id, id, occurred_at, request_id, role, subject_id) VALUES ('user_created', NULL, X'01B8DC7D28007AE7BB0F3222D983BCD3', '2030-01-01T08:00:00.000000Z', NULL, NULL, X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D280073578D8CE27E0AE6DE3E', 1, 'outbox', NULL, '2030-01-01T08:00:00.000000Z', X'2D6C5EFF5E2A818AFE35C708E9D7C1AA0E2E7135B23435D77F2C40D12A49035E61166D22660F141071CCFD8D2D1E6C882BDE9B97B986BBBA7C46CC373AFF463E3F6C256420B6EE56');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D28007471A565D3C745BE76E4', 1, 'cursor', NULL, '2030-01-01T08:00:00.000000Z', X'2EB509A0DEA2227104FA23787E5DBC120CB680C69B930C0944873D03EAA02C883E632CF0EE3D018EFD60E3CBD3C40930B8AD6E06A11B8F21FC4FFF59908221F86091CD7344559B4F');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D280077A997B2CAD8ED515288', 1, 'refresh', NULL, '2030-01-01T08:00:00.000000Z', X'13650858806021F9FB0F49541E618DBDDFBC6898BB47DAAB3D6AE068FC12D193DD0014AA32127472F4E16C5B0D63F3EE1FB8F9B212FD67B8D12BDE5548221D9E8AEA6EEB89744698');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D280079458A27B752F9059095', 1, 'signing', NULL, '2030-01-01T08:00:00.000000Z', X'AED1EF6821FB9AB3E89E9C7D07E32AA9C034FCD27A0786B1D84154C3B9ABD3D8118530BA422F9B1691B95262DE37FA667485BD79E690D4B5682C384993FF8D4BA6503DA6012CC610');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D28007C76854484A266B7DBB4', 1, 'device', NULL, '2030-01-01T08:00:00.000000Z', X'0DA34C3B2A99E750C33EE0B15190CE9324E514B64AFDC757A565C09E7CB6ADD3A216C4CFC1933DD85F5D4D887BB920EAA678930149A97219EF40FEAB30A1BF8A14A413EE3D96BF36');
INSERT INTO keys (created_at, id, ordinal, purpose, revoked_at, signs_at, wrapped) VALUES ('2030-01-01T08:00:00.000000Z', X'01B8DC7D28007F3BB5A4A68C8AA5F7DB', 1, 'lookup', NULL, '2030-01-01T08:00:00.000000Z', X'8457B6228230AA1908FE7BE8104621457A5E8D50826CF427720633D116A797FA0171E70851037727FFCFA44D1844707667BEC6393880A08E153AB9E05BE6D1E0BC070B9265DDE767');
INSERT INTO leases (expires_at, fence, holder_id, name) VALUES ('2030-01-01T08:00:01.000000Z', 1, X'01B8DC7D2800781688803BE34EEF6577', 'users');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES (0, '2030-01-01T08:00:00.000000Z', '2030-01-02T08:00:00.000000Z', X'01B8DC7D28007BE98CB71D61B0EFF84E', '2030-01-01T08:00:00.000000Z', NULL, X'01B8DC7D280073578D8CE27E0AE6DE3E30E7638FAC3B1684E9FFACC252A3A87537A0556E8824F4BC115635DE287C238F3F67FC72F308FBCFA451AA5644DACDEEF930DB64F78787F46DA97A88BCA8B9DE78C9010717F308B8E4A6BD12CCF4EDADC82593005157E4208B5D2DC5360877CAA419CF67F1C6071618DA4CBFC7CA9EFFD2CA502EF42A6F14D2202123D2487392F6F8B2C7CB6381E4B5F5206FA0A41E38BB2901B0F3EADB7D9725EB3DB3A4ABB74E102C073EE7FE5F8FD863BB25F36ADA5DD28682509B8BAFA6AEDE2847AD25B615F226E89DE6E1A2E742CB42AF76CABB3B0D2A2E9B266B2EC5FC6783AA90582CDBBF0A30E0AAC97ECDFE7441FFF2EEBC2236B40F8770E6B11FB5DCA278377B872AAA805284EAFC7088E983AB50011DB2CE4B05779B94CD8A906F7930D5D1913B97793FBF25FC5FE714CEDDCE2A9165478CBC1500CCFF0D4FC705B26777E52621B04B8AD38BC11AA0EB3D26DAD12730B7FC796BB1D3112D1C6F3DE3E274FE9CBFA668A648882A3CAFE91478AADBD8A98D23741DCE80B828D084AC88DA3E248757C44B735ACB06D1306B6465FB95886391CAD54D51818550459A61F1F936AD93C116B1E6033DE995BC4D93B0C1EB8D2C5B694A35928417B14C1605389187F17FCB0A813CFFF7E57A62C266F58CBD73AA76FDCDF4EEF040554BBABBC62DF172CB0FA64B48DE41C11175B4A80F42E7931610B60AE78B097B123BAB9C60D3A4F37A054214DFE377D475E67D83279244CFE01AE61F75B36CBFC4C92E2481AD8F66E9BE0EF7C4D28150FA7C', NULL, 'queued', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES (0, '2030-01-01T08:00:01.000000Z', '2030-01-01T08:30:01.000000Z', X'01B8DC7D2BE87394A1513C351B0AA425', '2030-01-01T08:00:01.000000Z', NULL, X'01B8DC7D280073578D8CE27E0AE6DE3E5A5E8A2787F4C3C0DD33C07EEC9B70F41BD34E56BB910A1D08734184A01841AAFF5F5AA24F589C51AF0BD249771E28DE216C96B65491D44ECD03EC9FCB6ACB2C8D928B8772DD7ED9423488F7ABE794071163C089DF1F5A8BFEDCE816EE3BCF8511A168D53F63CA96C018769A47F55B54F788EC25D6F72B9C5B9408539BF82B192A8E074810A67CD24E494F89BCCC9FE0667E0557A1F99E1F3C3FAC3D54F1D56E5368E576D1C9420B21939D08B9C6D73FD176B621E3498A979B0DC2F275A11C2C794EE82DCB2AAA98033D6294BE09C2421C6CEA5C8603BBA4F30F0F3519C0C392C7F7807A52DB6D33CFDBDAF885FBF90E184F5B6C72C5C340225210D235A071EAE8220189BCD343F3C0ACCC75B608F1A2FEE3A00B36A0EEEC8BFB7A41686731B3F87AA6C92DEE6FFF47BA754902F34C95D7DA01BEFD72F8E2D499306715D3CF4783D543C36E40C583E4AC2649962630D31FFFBE403ABC57907BC2EE14B72E9BA9DEED7D3C45EFB9E33DBA844333A907E2B9449F5A54C2E76E1C7B8EB97611208CE4BC63EDF52C79359EA99D02BD7860F0A561E48388259201DEA96A0ECD9F74F46F72FAE1AB5410C1EC0B897BF437942CEAD0ED8B0F12354A84A0F8C5C3AB49F10837BFD03241CD5B6DCBB67985AC518D75DE41A8E8725B391CEFF73FE7873561152B4C72380B0D8B8DCDF89D6604C3B1B6F6E38B50F6A9DAE12C5376DDA03BB226725BE77998508535CAE84E6A1F59BC60D78446D012773629FB84FADB359AD18149CC4A0DA698EB', NULL, 'queued', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES (0, '2030-01-01T08:00:01.000000Z', '2030-01-02T08:00:01.000000Z', X'01B8DC7D2BE878099BE480EA48530016', '2030-01-01T08:00:01.000000Z', NULL, X'01B8DC7D280073578D8CE27E0AE6DE3EEC9BAD891F82B69FCE1A57A96D4A89FF773BFB69404E5FA806D59B1AEB8A6C4CA994E479461A10B13B99B3B36A1CFA3BAB6FB456F0BBE76956FCF0D7664530E1C1D5FCEB28C405856B78771B1A495350686E3F7F05CDB33E58352F872F7E28B14308744BB88CAEA60438E5F4D075D8C8B40E05DE0ABB2E17EACD0D85FC67A1492F09FB70F6323AFF519F7472232568CA68731CD947972AF49C9A96E5E88B11339540B6F33CAB236BB29CA8737A5E66099F016D80C30A4CF115C2E09E2C11B060FFBE11199767D4F5858EC23C04E83283C05DE284D257DC58EA78897B613D888C314F6FF88BEB39391C1F5E04B02B441B00B16CBC8C9994FEFE36E4308277BB11EB7E43FEF40BDD77D3E7D28566F43FA60F4F59FBC86FC650B324377AA9B676BDB3733A353701CFD5EBCCE735AE1F2389CDF054EF25B7D95DB190651FF9D93C6B5D150AC1445B7641E9603E20F52C4851191B1FB6EE194F0F53F50266C289E0DD0458967CCE500592F06D687FBF3CA20D1B8149EE6635B125F5C066C3EA1D628A0B22669479F3AA5E22CC51FB102FAA6C511934FF00609DD026482E9BC00F90B4140FE828BD987747A3E19B99BBC81F8FDD8E26FA0C22FDB0E4655C0999D4B7B32350BC1D81DF82FB98297DD85305BD14ACA374B10197C018AC365B063988675997375C8AF68A5618C338CB90AE0D8BBF009D96BDB6F5C227081211B05DB15A3EA0B0A34369DF4121FDBF7762C502431801CE050B7E05E2FD959B2116D47A4F3399DBDC0FC563EE7B', NULL, 'queued', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES (0, '2030-01-01T08:00:02.000000Z', '2030-01-02T08:00:02.000000Z', X'01B8DC7D2FD0717ABF6C4C271282B81E', '2030-01-01T08:00:02.000000Z', NULL, X'01B8DC7D280073578D8CE27E0AE6DE3EF4CE13DDD51FA866BB6F9D2D1B1A756F1D63D346DA7F0DEC964EAD8DB6FEFF17DE8E035B371A8F1267033C1BE8F0AE8A81C184D72354B311B3616B623FF01D59DE2DB6EEDBC54A850130D15965CB7FEF40B526C9FD72F3BEF66954FDAAFFF63043550BA99B57CB77F678C260836A95B430A749AC6A2A229F5D155C1CFF0C0749B9E9704D7D91F438CFA27C8F2D4153220D4B9F551975DE9D9B10A39F2B7E614E7462729D70596EE1E11AC452A33E9A862D4FA8906618D3D8D7055DEE91D8B2D0792800B79C30593E67BBFCBB921364AA66A0F758FECC9E0BDDB34B414C0FA98772256539F0AF8117F9355EE503BA4B19E7319958F2EE89D9B531A4349E6D5F4B39E62CB174677D0C338AD05DDF725E32F52EA3EF7525F070A4EC41D63AE2D3F92EC953C8DE7BB89F4AEAED2DE80824E38E91EA19C266594DA7824F9F746306828188C16736F57DDC3601DEC75A57DECE55F37147C6079C42E2361AE5FD8711C5489D8B76EE1BFF55DB8E13736CC38EC7A7349D809646DDFF1B0B8764C68B6E4D0B2E4153A45B6EAA92F29F8506CA0A67BE7E4A3F0E969B164F7992CDEDFCB90C1CA013F4B1B7628566D00479B5CB7D57F7D8E812298CAABFD94284992072313204A0FE85B834108BD3DE13F280BF70157B4DEDB6EF15ED2A9E6E4D75D0CFDCD57E927E467E066C23D4CE859F8C53788EFD31CB0C3C751872BC005695F8DDF344DD70354FD86947FC885E372940BCB428031FEBF11599144D7642AB299AA48A3CF0354AF53D8E414C', NULL, 'queued', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO outbox (attempts, created_at, expires_at, id, next_attempt_at, reason, sealed, settled_at, state, subject_id) VALUES (0, '2030-01-01T08:00:02.000000Z', '2030-01-08T08:00:02.000000Z', X'01B8DC7D2FD076469F245BE29A76ECA8', '2030-01-01T08:00:02.000000Z', NULL, X'01B8DC7D280073578D8CE27E0AE6DE3EFD0D6304D5CC56F8C757D9F2EBF17E094401C227C6D8A2E6277F1B76EEBC100FBC89FDFEDC3DD1BEC08BCD5485B4C6937C2B18EE65ADD26EF9208DC3BE52AF98FD0B9C9908ED93309C4E3996E054DD7DB86958938C0CFCDD50663800C9E6AD4B1348CFC8027DFC7599A200E700C7740B2B88F75D37D1E965AD32EC4E9BD0DCB1D789FA865252D6F2BFBC662919BC49CDA53AF600BF5D81F7F407A0F9FD37E17C9AE16D14C16271CFAC3088C5C9CD7B47BBF49439BE37C5B02F657A1218DFA1ECD501D17B348AE2CEA2F9FD5B9ED9F6FB035D6809338A68126C5A771D4C3AAD980CFA7E0BB7A871B854F27FC66F0E72612AD3A2C63707E5B653A4D7EE4464F20E5219E92C6B8E45A485425412C8872A3FBF1789EFB8D0A824BADD54CF69A9F3E4A4EAB60C76AD224A957C8DE2104128119FFAD05E9C93121D6AE7A306CF9D498EC7286D4272FF9F4B168F43C4F34D4D06BC914EAE19484FDDC1B6E66895C31D1D9FD94E39F73A2E083938EC2727C1D06374B1CF6C31A6EB3FF284AD64C63226B54CE4A6938AE25A35D81943B6AD10D4B43F4BD1A3828A4110E86BBCF3D2FF87E65A94999F8362A72955264C078D72631CA0E05BF663B212E804836EAE6C9D9609CFEB84A69E2C905C9B1EF9D7AC7FD0F96E0FE6E84B7AEDF5D9D4DCDE3ABB3A81CA23F2F85C94ADB1A716CD26107D44DBF89EF2B5A4AC03FF145CACE0456DFA6714DB03D3B5713EC8F872332A28FC37F4C0EF23FE5A5EA76C55DDD2447CAF6B1994988B356A596A06', NULL, 'queued', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO roles (built_in, description, name, version) VALUES (0, 'Reads', 'reader', 1);
INSERT INTO roles (built_in, description, name, version) VALUES (1, 'Holds every permission', 'admin', 1);
INSERT INTO roles (built_in, description, name, version) VALUES (1, 'Holds no permission beyond the own account', 'user', 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'259F6E6A8949B48EB3D606D657F7B8BD26A0AE867ABA98884376572846663664', '2030-01-01T08:00:00.000000Z', '2030-01-01T09:00:00.000000Z', 1, 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'29CC8A88BB9FC620145F3AD555D7196F004C09A82BB2B39C5EF764DD4BAEF29F', '2030-01-01T08:00:01.000000Z', '2030-01-01T08:30:01.000000Z', 1, 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'46FB47CA314662D92554B36A5488F4000CAB5CC050A0CE327EC50B4682DE41EF', '2030-01-01T08:00:02.000000Z', '2030-01-01T08:15:02.000000Z', 0, 0);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'BACADE015E30914270B80FFD8F4880FB348E8F9FA70936E4D230A3E096F28E4B', '2030-01-01T08:00:02.000000Z', '2030-01-01T09:00:02.000000Z', 1, 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'BD321EC333C8708DD09D90D2FE5A83C6838EA53106E1E6F2447F68CC049C8BE2', '2030-01-01T08:00:01.000000Z', '2030-01-01T08:15:01.000000Z', 0, 0);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'BD3BCEBD575DDB26983FDC8F39C68C242EE872A7DB1BD2399990ED6C837C4083', '2030-01-01T08:00:00.000000Z', '2030-01-01T08:15:00.000000Z', 0, 0);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'DBB1F788E9D5597BFBD39421745E73D02C61FB3C08A90F65BA5E2F03CFBFFC8C', '2030-01-01T08:00:01.000000Z', '2030-01-01T09:00:01.000000Z', 1, 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (0, X'EE20388F68A8F9A4E1512CEB4376FA3709D61D149DE128A5DEAB10F602533BFC', '2030-01-01T08:00:02.000000Z', '2030-01-01T09:00:02.000000Z', 1, 1);
INSERT INTO throttles (consecutive, key, reserved_at, resets_at, undecided, used) VALUES (1, X'21143350F6C603DCF4147E51D5BAFBD33BD4BA870AAAA16F4B0902DB41A9FF9E', '2030-01-01T08:00:00.000000Z', '2030-01-01T08:15:00.000000Z', 0, 1);
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01T08:00:00.000000Z', NULL, NULL, 'ada@example.com', 0, X'01B8DC7D28007878BB71D373A590274E', '2030-01-01T08:00:00.000000Z', 'en', '$argon2id$v=19$m=64,t=1,p=1$gxRDiMad4eZUinJG7WG+JA$XNVwZV7+LjTqXjKPGUYnfig8GV/+FErggOJxZF1lDEM', 'active', 2, '2030-01-01T08:00:00.000000Z', 2);
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01T08:00:00.000000Z', NULL, NULL, 'root@example.com', 1, X'01B8DC7D280076949852ACEAE78355DC', '2030-01-01T08:00:00.000000Z', NULL, '$argon2id$v=19$m=64,t=1,p=1$7u40kyUxt031RqMsps7WaA$cGNOWL1GDuLQakc0AOSV68v+pM0FQewT0OvctteValI', 'active', 1, '2030-01-01T08:00:00.000000Z', 1);
INSERT INTO users (created_at, deleted_at, display_name, email, email_verified, id, last_login_at, locale, password_hash, status, terms_version, updated_at, version) VALUES ('2030-01-01T08:00:01.000000Z', NULL, NULL, 'robert@example.com', 1, X'01B8DC7D2BE87614A5B2B852AD92E719', '2030-01-01T08:00:01.000000Z', 'en', '$argon2id$v=19$m=64,t=1,p=1$0JINMf9++MAm8eNuV9MvOg$Gizpnh4cYdyKNPMt2IM449uV2rwcQU/5gNBwHkco0TQ', 'active', 2, '2030-01-01T08:00:02.000000Z', 2);
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D280070EB8038C9D85A1FA58B', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2800727BAB7312052EFADB55', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D28007389BF16C362A87526CD', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D280078149F2DB5323C5B7533', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D280078A3A57F658FD3CC73E7', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D28007A9EAE327A80684FFE37', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D28007AE7BB0F3222D983BCD3', NULL, NULL);
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2BE8710CAAA5A75E50E28C5E', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2BE87189AB676B7799A98AB2', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2BE8763F90D572AEC9A81E71', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2FD070C9A81107245A047EB0', '192.0.2.7', 'released');
INSERT INTO audit_details (event_id, ip, user_agent) VALUES (X'01B8DC7D2FD079028BC3B061017DBC6B', '192.0.2.7', 'released');
INSERT INTO idempotency_keys (body, body_tag, etag, expires_at, key, location, method, route, user_id) VALUES ('{"id":"01b8dc7d-2800-741a-a7d6-e138046f67c4","owner_id":"01b8dc7d-2800-7878-bb71-d373a590274e","title":"Bread","body":"and butter","created_at":"2030-01-01T08:00:00.000000Z","updated_at":"2030-01-01T08:00:00.000000Z"}', X'C93B68E8F0B082DD6DC77E2C5149014504971B8FB67AE6F6FB95D19341BF23FC', '"1"', '2030-01-02T08:00:00.000000Z', 'kept', '/api/v1/notes/01b8dc7d-2800-741a-a7d6-e138046f67c4', 'POST', '/api/v1/notes', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO mail_tokens (email, expires_at, hash, purpose, user_id) VALUES ('ada@example.com', '2030-01-01T08:30:01.000000Z', X'5E2B591E458DEDA19DD4FEEA2126E67C3198EDC17B13960A2D94430BA0B9F1E5', 'reset_password', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO mail_tokens (email, expires_at, hash, purpose, user_id) VALUES ('ada@example.com', '2030-01-02T08:00:00.000000Z', X'8A3EEAE5A4D929E49CF6F2F0A3CC113AD5A40E008BBC4DE9FE0D77A38FAD1B0D', 'verify_email', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO notes (body, created_at, id, owner_id, title, updated_at, version) VALUES ('and butter', '2030-01-01T08:00:00.000000Z', X'01B8DC7D2800741AA7D6E138046F67C4', X'01B8DC7D28007878BB71D373A590274E', 'Bread', '2030-01-01T08:00:00.000000Z', 1);
INSERT INTO role_permissions (permission, role) VALUES ('users:read', 'reader');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01T08:00:00.000000Z', '2030-04-01T08:00:00.000000Z', 1, X'01B8DC7D280074AAAFA654F6A05EED09', '2030-01-31T08:00:00.000000Z', '192.0.2.7', X'01B8DC7D280077A997B2CAD8ED515288', '2030-01-01T08:00:00.000000Z', '2030-01-01T08:00:00.000000Z', 'released', X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01T08:00:00.000000Z', '2030-04-01T08:00:00.000000Z', 2, X'01B8DC7D280072A8B721D5003FD8059D', '2030-01-31T08:00:00.000000Z', '192.0.2.7', X'01B8DC7D280077A997B2CAD8ED515288', '2030-01-01T08:00:00.000000Z', '2030-01-01T08:00:00.000000Z', 'released', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO sessions (created_at, expires_at, generation, id, idle_expires_at, ip, key_id, last_used_at, refreshed_at, user_agent, user_id) VALUES ('2030-01-01T08:00:01.000000Z', '2030-04-01T08:00:01.000000Z', 1, X'01B8DC7D2BE87E5F94EA897C92615D65', '2030-01-31T08:00:01.000000Z', '192.0.2.7', X'01B8DC7D280077A997B2CAD8ED515288', '2030-01-01T08:00:01.000000Z', '2030-01-01T08:00:01.000000Z', 'released', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO user_roles (role, user_id) VALUES ('admin', X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO user_roles (role, user_id) VALUES ('reader', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO user_roles (role, user_id) VALUES ('user', X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO user_roles (role, user_id) VALUES ('user', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO user_roles (role, user_id) VALUES ('user', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO user_terms (term, user_id) VALUES ('ada@example.com', X'01B8DC7D28007878BB71D373A590274E');
INSERT INTO user_terms (term, user_id) VALUES ('robert@example.com', X'01B8DC7D2BE87614A5B2B852AD92E719');
INSERT INTO user_terms (term, user_id) VALUES ('root@example.com', X'01B8DC7D280076949852ACEAE78355DC');
INSERT INTO ways_back (email, expires_at, hash, opened_at, user_id) VALUES ('bob@example.com', '2030-01-08T08:00:02.000000Z', X'3589DA20D66534412B7D9D3E7C6567885C143AA43BAF1C75B3181BDFA35863F4', '2030-01-01T08:00:02.000000Z', X'01B8DC7D2BE87614A5B2B852AD92E719');
