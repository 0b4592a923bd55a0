alter table keys drop column revoked_at;
alter table keys drop column signs_at;
