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
