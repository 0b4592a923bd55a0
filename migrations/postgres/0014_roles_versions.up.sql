-- expand: roles can be changed, and the audit log says which one was
alter table roles add column version bigint not null default 1;
alter table audit_events add column role text;
