alter table audit_events drop column role;
alter table roles drop column version;
