drop table audit_details;
drop table audit_events;
