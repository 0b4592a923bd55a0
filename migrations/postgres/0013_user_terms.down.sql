drop index outbox_subject;
alter table outbox drop column subject_id;
drop index users_deleted_at;
drop index users_deleted;
drop index users_status;
alter table users alter column status type text collate "default";
drop index users_terms_stale;
alter table users drop column terms_version;
drop table user_terms;
