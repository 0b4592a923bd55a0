drop table leases;
drop index outbox_settled;
alter table outbox drop column reason;
alter table outbox drop column settled_at;
